"""Deletes what was kept long enough."""

from __future__ import annotations

from datetime import timedelta

from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries

_SQL = load_queries("services.tracking")


class RetentionStore:
    """Deliveries, facts and counts that are old enough, in slices."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def delete_deliveries(self, *, older_than: timedelta, limit: int) -> int:
        """Deletes up to `limit` deliveries whose last change is old enough; returns how many."""
        return await self._delete("delete_old_deliveries", older_than, limit)

    async def delete_facts(self, *, older_than: timedelta, limit: int) -> int:
        """Deletes up to `limit` facts; returns how many."""
        return await self._delete("delete_old_facts", older_than, limit)

    async def delete_counts(self, *, older_than: timedelta, limit: int) -> int:
        """Deletes up to `limit` counts; returns how many."""
        return await self._delete("delete_old_counts", older_than, limit)

    async def _delete(self, statement: str, older_than: timedelta, limit: int) -> int:
        tag = await self._pool.execute(_SQL[statement], older_than, limit)
        return int(tag.rsplit(" ", 1)[1])
