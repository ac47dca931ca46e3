"""Writes what events state."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from libs.postgres.transaction import Connection, in_transaction
from services.tracking.domain.models import Delivery, Fact

_SQL = load_queries("services.tracking")


class RecordingStore:
    """Deliveries, facts and counts change together; the same again changes nothing, in any order."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def record(self, deliveries: Sequence[Delivery], facts: Sequence[Fact]) -> None:
        """Commits what is stated. Raises DependencyUnavailable while PostgreSQL is away."""

        async def work(connection: Connection) -> None:
            await connection.execute(_SQL["take_turn"])
            await record_deliveries(connection, deliveries)
            await _record_facts(connection, facts)

        await in_transaction(self._pool, work)


async def record_deliveries(connection: Connection, deliveries: Sequence[Delivery]) -> None:
    """Writes deliveries and moves what is counted, in a transaction whose turn it is."""
    if deliveries:
        await connection.execute(_SQL["record_deliveries"], *zip(*deliveries, strict=True))


async def _record_facts(connection: Connection, facts: Sequence[Fact]) -> None:
    """Comes after the deliveries, so that a fact finds those that are stated with it."""
    if facts:
        bounds = [_id_bounds(fact.notification_id) for fact in facts]
        columns = [*zip(*facts, strict=True), *zip(*bounds, strict=True)]
        await connection.execute(_SQL["record_facts"], *columns)


def _id_bounds(notification_id: UUID) -> tuple[UUID, UUID]:
    time = notification_id.int >> 80 << 80
    return UUID(int=time), UUID(int=time | (1 << 80) - 1)
