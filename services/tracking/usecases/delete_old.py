"""Deletes what was kept long enough."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from libs.clock import Clock
from services.tracking.store.retention import RetentionStore

# As long as the contract lets them be asked for, and the day that is under way.
_COUNTS = timedelta(days=401)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteOld:
    """Deliveries and facts go first; the counts stay as long as they can be asked for."""

    store: RetentionStore
    retention: timedelta
    clock: Clock

    async def __call__(self) -> None:
        """Deletes until nothing old is left."""
        before = self.clock.now() - self.retention
        await self.store.raise_floor(older_than=self.retention)
        await self.store.delete_deliveries(before=before)
        await self.store.delete_facts(before=before)
        await self.store.delete_counts(before=self.clock.now() - _COUNTS)
