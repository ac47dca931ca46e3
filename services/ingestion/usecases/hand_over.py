"""From acceptance to planning inside a process: only speed, the table is the truth."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from uuid import UUID

from services.ingestion.domain.models import Lane, Notification

_CAPACITY = 2_000


class HandOver:
    """Accepted notifications that this process has claimed and not yet planned. Bounded.

    A lane that waits for credit is closed here: what is accepted for it stays in the table,
    behind what waits there already.
    """

    def __init__(self, capacity: int = _CAPACITY) -> None:
        self._room = capacity
        self._closed: set[Lane] = set()
        self._waiting: deque[Notification] = deque()
        self._arrived = asyncio.Event()
        self.left_in_table = asyncio.Event()
        """Set when something was accepted that only a sweep will find."""

    def reserve(self, notifications: Sequence[Notification]) -> list[bool]:
        """Says of each whether it may be claimed on acceptance, and keeps room for those."""
        taken = []
        for notification in notifications:
            # What may amend another notification is found in the table under that one's id.
            apart = notification.send_time is not None or notification.collapse_key != ""
            take = not apart and self._room > 0 and notification.lane not in self._closed
            self._room -= take
            taken.append(take)
        return taken

    def put(self, reserved: Sequence[Notification], *, committed: Collection[UUID]) -> None:
        """Adds those of the reserved that were committed; the room of the others is free again."""
        fresh = [n for n in reserved if n.notification_id in committed]
        self._room += len(reserved) - len(fresh)
        if fresh:
            self._waiting.extend(fresh)
            self._arrived.set()

    async def take(self, limit: int) -> list[Notification]:
        """Waits for notifications and returns up to `limit`."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        count = min(limit, len(self._waiting))
        self._room += count
        return [self._waiting.popleft() for _ in range(count)]

    def close(self, lanes: Collection[Lane]) -> None:
        """Closes lanes that have to wait."""
        self._closed.update(lanes)
        self.left_in_table.set()

    def credit_freed(self) -> None:
        """Has what waits looked at, if anything does."""
        if self._closed:
            self.left_in_table.set()

    def put_back(self, notifications: Sequence[Notification]) -> None:
        """Adds again what was taken and could not be dealt with."""
        self._room -= len(notifications)
        self._waiting.extendleft(reversed(notifications))
        self._arrived.set()

    def reopen_all_but(self, lanes: Collection[Lane]) -> None:
        """Opens every lane in which nothing waits any more."""
        self._closed.intersection_update(lanes)
