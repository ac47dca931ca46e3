"""Pages of a list, by keyset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

DEFAULT_PAGE_SIZE = 50
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """Which page is wanted."""

    size: int
    after: str = ""
    """Key of the last item of the page before; empty for the first page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Item]):
    """Some items of a list."""

    items: tuple[Item, ...]
    last_key: str | None
    """Where the next page begins; None on the last page."""

    @classmethod
    def cut(cls, found: Sequence[Item], size: int, *, key: Callable[[Item], str]) -> Page[Item]:
        """Makes a page of `size` items from what a query for one more has found."""
        items = tuple(found[:size])
        return cls(items=items, last_key=key(items[-1]) if len(found) > size else None)
