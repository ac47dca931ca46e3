"""Deletes what was kept long enough."""

from __future__ import annotations

from datetime import timedelta

from libs.clock import Clock
from libs.postgres.week_partitions import WeekPartitions
from services.ingestion.store.retention import RetentionStore

# What one clock calls expired may still be amended by another.
_CLOCKS_DIFFER = timedelta(hours=1)


class DeleteOld:
    """Request ids have a time of their own; all else goes with the notification."""

    def __init__(
        self,
        *,
        weeks: WeekPartitions,
        store: RetentionStore,
        retention: timedelta,
        request_id_retention: timedelta,
        clock: Clock,
    ) -> None:
        self._weeks = weeks
        self._store = store
        self._retention = retention
        self._request_id_retention = request_id_retention
        self._clock = clock

    async def keep_weeks(self) -> None:
        """Sees that the weeks to come have partitions."""
        await self._weeks.keep(self._clock.now())

    async def __call__(self) -> None:
        """Deletes what ended before the retention began."""
        now = self._clock.now()
        before = now - self._retention
        expired = now - _CLOCKS_DIFFER
        await self._store.delete_requests(before=now - self._request_id_retention)
        await self._weeks.delete_ended(over_before=before, criteria=(before, expired))
        await self._store.delete_collapse_keys(before=before, expired_before=expired)
        await self._store.delete_stopped_plans(before=before, expired_before=expired)
        await self._store.delete_incarnations(dead_since=before)
