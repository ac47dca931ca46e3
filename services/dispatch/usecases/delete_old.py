"""Deletes what was kept long enough."""

from __future__ import annotations

import logging
from datetime import timedelta

from libs.clock import Clock
from libs.postgres.week_partitions import WeekPartitions
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
        self, *, weeks: WeekPartitions, store: RetentionStore, retention: timedelta, clock: Clock
    ) -> None:
        self._weeks = weeks
        self._store = store
        self._retention = retention
        self._clock = clock

    async def keep_weeks(self) -> None:
        """Sees that the weeks to come have partitions."""
        await self._weeks.keep(self._clock.now())

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
        await self._weeks.delete_ended(
            # Only what is written a day late or more tells a week that it must stay.
            over_before=ended_before - _LONGER,
            criteria=(ended_before, expired_before),
        )
