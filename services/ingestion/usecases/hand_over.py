"""From acceptance to planning inside a process: only speed, the table is the truth."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from services.ingestion.domain.models import Notification

_CAPACITY = 5_000


class HandOver:
    """Accepted notifications that this process has claimed and not yet planned. Bounded."""

    def __init__(self, capacity: int = _CAPACITY) -> None:
        self._capacity = capacity
        self._waiting: deque[Notification] = deque()
        self._arrived = asyncio.Event()

    def has_room(self, count: int) -> bool:
        """Whether `count` more may be claimed on acceptance."""
        return len(self._waiting) + count <= self._capacity

    def put(self, notifications: Sequence[Notification]) -> None:
        """Adds claimed notifications."""
        if notifications:
            self._waiting.extend(notifications)
            self._arrived.set()

    async def take(self, limit: int) -> list[Notification]:
        """Waits for notifications and returns up to `limit`."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        return [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
