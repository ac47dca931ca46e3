"""Deletes what was kept long enough."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from services.tracking.store.retention import RetentionStore

_SLICE = 5_000
# As long as the contract lets them be asked for, and the day that is under way.
_COUNTS = timedelta(days=401)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteOld:
    """Deliveries and facts go first; the counts stay as long as they can be asked for."""

    store: RetentionStore
    retention: timedelta

    async def __call__(self) -> None:
        """Deletes in slices until nothing old is left."""
        await _until_done(self.store.delete_deliveries, self.retention)
        await _until_done(self.store.delete_facts, self.retention)
        await _until_done(self.store.delete_counts, _COUNTS)


async def _until_done(delete: Callable[..., Awaitable[int]], older_than: timedelta) -> None:
    while await delete(older_than=older_than, limit=_SLICE) == _SLICE:
        pass
