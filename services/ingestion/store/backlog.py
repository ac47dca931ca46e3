"""What waits, per tenant."""

from __future__ import annotations

from datetime import timedelta

from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries

_SQL = load_queries("services.ingestion")


class BacklogStore:
    """Looks at indexes, and no further than it has to."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def tenants_with_waiting(self, count: int) -> set[str]:
        """Returns the tenants of which at least so many notifications wait to be planned."""
        if await self._pool.fetchval(_SQL["most_waiting"]) < count:
            return set()
        rows = await self._pool.fetch(_SQL["waiting_tenants"])
        return {
            row["tenant_id"]
            for row in rows
            if await self._pool.fetchval(_SQL["has_waiting"], row["tenant_id"], count)
        }

    async def tenants_with_message_older(self, age: timedelta) -> set[str]:
        """Returns the tenants with a message that no dispatcher claimed for longer than that."""
        rows = await self._pool.fetch(_SQL["tenants_of_old_messages"], age)
        return {row["tenant_id"] for row in rows}
