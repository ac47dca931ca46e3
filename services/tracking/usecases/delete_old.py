"""Deletes what was kept long enough."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from services.tracking.store.retention import RetentionStore

# As long as the contract lets them be asked for, and the day that is under way.
_COUNTS = timedelta(days=401)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteOld:
    """Deliveries and facts go first; the counts stay as long as they can be asked for."""

    store: RetentionStore
    retention: timedelta

    async def __call__(self) -> None:
        """Deletes until nothing old is left."""
        await self.store.delete_deliveries(older_than=self.retention)
        await self.store.delete_facts(older_than=self.retention)
        await self.store.delete_counts(older_than=_COUNTS)
