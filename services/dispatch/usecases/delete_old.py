"""Deletes what was kept long enough."""

from __future__ import annotations

import logging
from datetime import timedelta

from libs.clock import Clock
from libs.postgres.day_partitions import DayPartitions
from services.dispatch.store.retention import RetentionStore

_log = logging.getLogger(__name__)

# The ledger outlives the notifications, so that no reader finds a plan without its deliveries, and the
# floor leaves that much between a message and the end of its deliveries by clocks that differ.
_LONGER = timedelta(days=1)
# What one clock calls expired another may still send.
_CLOCKS_DIFFER = timedelta(hours=1)


class DeleteOld:
    """The floor is raised first: a message that comes again after its deliveries were deleted finds it."""

    def __init__(
        self, *, days: DayPartitions, store: RetentionStore, retention: timedelta, clock: Clock
    ) -> None:
        self._days = days
        self._store = store
        self._retention = retention
        self._clock = clock

    async def keep_days(self) -> None:
        """Sees that the days to come have partitions."""
        await self._days.keep(self._clock.now())

    async def __call__(self) -> None:
        """Deletes what ended before the retention began."""
        now = self._clock.now()
        floor = now - self._retention
        ended_before = floor - _LONGER
        expired_before = now - _CLOCKS_DIFFER
        await self._store.delete_dead_letters(before=floor)
        await self._store.delete_incarnations(dead_since=floor)
        if not await self._store.raise_floor(messages_before=floor, expired_before=expired_before):
            _log.warning("floor_not_raised")
            return
        await self._days.delete_ended(
            # A day on which something is written late is told by its being a day late.
            over_before=ended_before - _LONGER,
            criteria=(ended_before, expired_before),
        )
