"""How much a lane may have in hand."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LEAST = 10
"""So many may always be in hand, since nothing else tells how fast they go."""
_KEPT = 4
"""While messages wait, what is due again has this fraction of the limit, beside it."""


class Room:
    """As much as the lane has lately delivered within `horizon` seconds of work, and at most `most`.

    It begins small and doubles with each batch until it is known how fast they go. What is due again has a
    share beside it: it is older than the messages that wait, and would not get in between them. Once something
    was given back, messages wait until nothing more is due, so that no backlog moves into the ledger.
    """

    def __init__(
        self, *, most: int, horizon: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._horizon = horizon
        self._monotonic = monotonic
        self._pace = 0.0
        self._batches = 0
        self._counted_until = 0.0
        self._from_messages = 0
        self._due_again = 0
        self._owes = False
        self._turn = asyncio.Lock()
        self._changed = asyncio.Condition()

    @property
    def limit(self) -> int:
        """How many may be in hand now."""
        return min(self._most, _LEAST + int(self._pace))

    @property
    def in_use(self) -> int:
        """How many are in hand, or have room kept for them."""
        return self._from_messages + self._due_again

    @property
    def owes(self) -> bool:
        """Whether something was given back since it was last found that nothing is due."""
        return self._owes

    async def take(self, count: int) -> None:
        """Waits until a message of `count` deliveries fits, and takes its room. Who came first goes first."""
        async with self._turn, self._changed:
            await self._changed.wait_for(lambda: self._fits(count))
            self._from_messages += count

    def take_due(self, most: int) -> int:
        """Takes room at once for up to `most` deliveries that are due again; returns for how many."""
        share = self._kept
        if self._owes or not self._turn.locked():
            share = max(share, self.limit - self._from_messages)
        count = max(0, min(most, share - self._due_again))
        self._due_again += count
        return count

    def owe(self) -> None:
        """Says that deliveries were given back, due at once."""
        self._owes = True

    async def none_due(self) -> None:
        """Says that nothing more is due again."""
        self._owes = False
        await self.give()

    async def give(self, *, from_messages: int = 0, due_again: int = 0) -> None:
        """Gives room back."""
        async with self._changed:
            self._from_messages -= from_messages
            self._due_again -= due_again
            self._changed.notify_all()

    @contextmanager
    def measure(self, count: int) -> Iterator[None]:
        """Learns from `count` deliveries that are delivered within."""
        if not self._batches:
            self._counted_until = self._monotonic()
        self._batches += 1
        try:
            yield
        finally:
            self._batches -= 1
            self._learn(count)

    @property
    def _kept(self) -> int:
        return max(1, self.limit // _KEPT)

    def _fits(self, count: int) -> bool:
        if self._owes:
            return False
        in_hand = self._from_messages + max(0, self._due_again - self._kept)
        # A message larger than the lane is let in when no other is in hand.
        fits = in_hand + count <= self._most or not self._from_messages
        return in_hand < self.limit and fits

    def _learn(self, count: int) -> None:
        """Takes what was delivered since the last time into the moving average, as if it had come evenly."""
        now = self._monotonic()
        horizons = (now - self._counted_until) / self._horizon
        self._counted_until = now
        counted = -math.expm1(-horizons) / horizons if horizons else 1.0
        self._pace = min(self._pace * math.exp(-horizons) + count * counted, self._most)
