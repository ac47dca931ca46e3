"""How far the rebuild is, written with what it has recorded."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from libs.failpoints import failpoint
from libs.postgres.away import database
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from libs.postgres.transaction import Connection, in_transaction
from services.tracking.domain.rebuild import Claim, LedgerPage, Rebuild, RebuildState
from services.tracking.store.recording import record_deliveries

_SQL = load_queries("services.tracking")

# Another process takes over when the one that reads the pages was silent for so long.
_LEASE = timedelta(seconds=10)


class RebuildStore:
    """The one rebuild there is. Raises DependencyUnavailable while PostgreSQL is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def start(self, *, from_nothing: bool) -> None:
        """Begins a rebuild unless one is under way; from nothing, it is begun anew with empty tables."""

        async def work(connection: Connection) -> None:
            await connection.execute(_SQL["take_turn"])
            if from_nothing:
                await connection.execute(_SQL["empty"])
            await connection.execute(_SQL["start_rebuild"], from_nothing)

        await in_transaction(self._pool, work)

    async def stop(self) -> None:
        """Ends what is under way."""
        with database():
            await self._pool.execute(_SQL["stop_rebuild"])

    async def read(self) -> Rebuild | None:
        """Returns the last rebuild."""
        with database():
            row = await self._pool.fetchrow(_SQL["read_rebuild"])
        if row is None:
            return None
        return Rebuild(**{**dict(row), "state": RebuildState(row["state"])})

    async def claim(self, worker: UUID) -> Claim | None:
        """Takes a rebuild that is under way, or goes on with it; None when there is none, or another works
        on it."""
        with database():
            row = await self._pool.fetchrow(_SQL["claim_rebuild"], worker, _LEASE)
        return None if row is None else Claim(**dict(row))

    async def release(self, worker: UUID) -> None:
        """Leaves it to whoever claims it next."""
        with database():
            await self._pool.execute(_SQL["release_rebuild"], worker)

    async def record(self, worker: UUID, claim: Claim, page: LedgerPage) -> None:
        """Commits a page with the position behind it, unless the rebuild is no longer at this page."""
        first = page.deliveries[0].delivery_id if page.deliveries else None

        async def work(connection: Connection) -> None:
            await connection.execute(_SQL["take_turn"])
            status = await connection.execute(
                _SQL["advance_rebuild"],
                worker,
                claim.start_time,
                claim.position,
                page.next_after,
                len(page.deliveries),
                first,
                page.last_id,
                _LEASE,
            )
            if status != "UPDATE 0":
                await record_deliveries(connection, page.deliveries)
                failpoint("tracking.rebuild_recorded")

        await in_transaction(self._pool, work)
        failpoint("tracking.rebuild_committed")
