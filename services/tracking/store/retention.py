"""Deletes what was kept long enough."""

from __future__ import annotations

from datetime import timedelta

from libs.postgres.batches import delete_in_batches
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries

_SQL = load_queries("services.tracking")

_DELETE = 5_000


class RetentionStore:
    """Deletes in batches what is old enough."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def delete_deliveries(self, *, older_than: timedelta) -> None:
        """Deletes deliveries whose last change is old enough."""
        await self._delete("delete_old_deliveries", older_than)

    async def delete_facts(self, *, older_than: timedelta) -> None:
        """Deletes facts."""
        await self._delete("delete_old_facts", older_than)

    async def delete_counts(self, *, older_than: timedelta) -> None:
        """Deletes counts."""
        await self._delete("delete_old_counts", older_than)

    async def _delete(self, statement: str, older_than: timedelta) -> None:
        await delete_in_batches(self._pool, _SQL[statement], older_than, limit=_DELETE)
