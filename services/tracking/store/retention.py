"""Deletes what was kept long enough."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from libs.clock import lowest_id
from libs.postgres.batches import delete_in_batches
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from libs.postgres.transaction import Connection, in_transaction

_SQL = load_queries("services.tracking")

_DELETE = 5_000
# Ids keep the time by the clock of who minted them.
_CLOCKS_DIFFER = timedelta(hours=1)


class RetentionStore:
    """Deletes in batches what is old enough."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def raise_floor(self, *, older_than: timedelta) -> None:
        """Commits which deliveries may be deleted: an event that tells one of them again finds it. The floor
        never sinks, and stays while a rebuild is under way."""

        async def work(connection: Connection) -> None:
            await connection.execute(_SQL["take_turn"])
            await connection.execute(_SQL["raise_floor"], older_than)

        await in_transaction(self._pool, work)

    async def delete_deliveries(self, *, before: datetime) -> None:
        """Deletes deliveries below the floor that were accepted before then."""
        await self._delete("delete_old_deliveries", before)

    async def delete_facts(self, *, before: datetime) -> None:
        """Deletes facts of before then."""
        await self._delete("delete_old_facts", before, before)

    async def delete_counts(self, *, before: datetime) -> None:
        """Deletes counts of hours that began before then."""
        await delete_in_batches(self._pool, _SQL["delete_old_counts"], before, limit=_DELETE)

    async def _delete(self, statement: str, before: datetime, *arguments: object) -> None:
        end = lowest_id(before + _CLOCKS_DIFFER)
        last, count = UUID(int=0), _DELETE
        while count == _DELETE:
            rows = await self._pool.fetch(_SQL[statement], last, end, _DELETE, *arguments)
            count = len(rows)
            last = max((row[0] for row in rows), default=last)
