"""Shares a provider's concurrency between the lanes of a channel."""

from __future__ import annotations

import asyncio
from collections import deque

from services.dispatch.domain.models import CRITICAL


class Slots:
    """How many calls may be in progress. Some are kept for critical ones, which also go first; the
    other lanes take turns in the order in which they ask."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._free = total
        # A provider of one call at a time has none to keep.
        self._kept = max(1, total // 5) if total > 1 else 0
        self._critical: deque[object] = deque()
        self._others: deque[object] = deque()
        self._changed = asyncio.Condition()

    @property
    def in_use(self) -> int:
        """How many calls are in progress."""
        return self._total - self._free

    async def take(self, most: int, *, priority: int) -> int:
        """Waits for its turn and takes 1 to `most` slots; returns how many."""
        critical = priority == CRITICAL
        queue = self._critical if critical else self._others
        ticket = object()
        queue.append(ticket)
        async with self._changed:
            try:
                await self._changed.wait_for(
                    lambda: queue[0] is ticket and self._available(critical=critical) > 0
                )
                taken = min(most, self._available(critical=critical))
                self._free -= taken
            finally:
                queue.remove(ticket)
                self._changed.notify_all()
        return taken

    async def give(self, count: int) -> None:
        """Gives slots back."""
        async with self._changed:
            self._free += count
            self._changed.notify_all()

    def _available(self, *, critical: bool) -> int:
        if critical:
            return self._free
        return 0 if self._critical else self._free - self._kept
