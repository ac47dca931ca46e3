"""Counts the work of one rendering, so that no pile of harmless operations takes for ever.

Counting is by steps and not by time: the same template with the same variables always ends the same
way. A step is worth about a microsecond.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from types import BuiltinMethodType, MethodType
from typing import Any, TypeVar

STEPS = 100_000
_CHARACTERS_PER_STEP = 16
_SHOWN_PER_STEP = 64
_SEQUENCES: tuple[type[Collection[Any]], ...] = (
    list,
    tuple,
    set,
    type({}.keys()),
    type({}.values()),
    type({}.items()),
)
Item = TypeVar("Item")


class BudgetExceeded(Exception):
    """The template does more than one rendering may."""


class ShareExceeded(Exception):
    """More is to be done than there is a share for. With a whole budget it may be well."""


class Budget:
    """The steps that one rendering may take."""

    exceeded: type[Exception] = BudgetExceeded

    def __init__(self, steps: int = STEPS) -> None:
        self._steps = self._left = steps

    @property
    def spent(self) -> int:
        """The steps that were taken."""
        return self._steps - max(self._left, 0)

    def spend(self, steps: int) -> None:
        """Takes steps; raises `exceeded` when there are not as many, ValueError for less than none."""
        if steps < 0:
            raise ValueError("steps are never given back")
        self._left -= steps
        if self._left < 0:
            raise self.exceeded

    def spend_characters(self, count: int) -> None:
        """Takes the steps for making a text of that length."""
        self.spend(1 + count // _CHARACTERS_PER_STEP)

    def show(self, characters: int) -> None:
        """Takes the steps for putting out as many characters: one, because the size of a result is bounded."""
        self.spend(1)

    def charge(self, *values: object) -> None:
        """Takes the steps for looking at values, with all that they hold."""
        self.spend(sum(weigh(value, limit=self._left) for value in values))

    def each(self, items: Iterable[Item], steps: int = 1) -> Iterator[Item]:
        """Yields the items, taking steps for every one."""
        for item in items:
            self.spend(steps)
            yield item


class Share(Budget):
    """A few steps, to find out whether they are enough. They pay for the size of the result too."""

    exceeded = ShareExceeded

    def show(self, characters: int) -> None:
        """See `Budget.show`."""
        self._left -= 1 + characters // _SHOWN_PER_STEP
        if self._left < 0:
            raise self.exceeded


def weigh(value: Any, *, limit: int) -> int:
    """Returns the steps that it takes to look at a value; stops counting above the limit.

    What is held twice counts twice: printing and comparing do not know better either.
    Raises TypeError for a method, which would print an address in memory.
    """
    total = 0
    waiting = [value]
    while waiting and total <= limit:
        found = waiting.pop()
        total += 1
        if isinstance(found, str):
            total += len(found) // _CHARACTERS_PER_STEP
        elif isinstance(found, dict):
            waiting.extend(found.keys())
            waiting.extend(found.values())
        elif isinstance(found, _SEQUENCES):
            waiting.extend(found)
        elif isinstance(found, (BuiltinMethodType, MethodType)):
            raise TypeError("a method is for calling")
    return total
