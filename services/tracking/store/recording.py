"""Writes what events state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from uuid import UUID

from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from libs.postgres.transaction import Connection, in_transaction
from services.tracking.domain.models import Delivery, Fact
from services.tracking.domain.projection import FactKey, Projection, project

_SQL = load_queries("services.tracking")

_COLUMNS = (
    "delivery_id",
    "tenant_id",
    "notification_id",
    "revision",
    "recipient_id",
    "category",
    "channel",
    "template_name",
    "template_version",
    "state",
    "provider",
    "attempts",
    "accept_time",
    "state_time",
    "change_number",
)


class RecordingStore:
    """Deliveries, facts and counts change together; the same again changes nothing, in any order."""

    def __init__(self, pool: Pool, *, retention: timedelta) -> None:
        self._pool = pool
        self._retention = retention

    async def record(self, deliveries: Sequence[Delivery], facts: Sequence[Fact]) -> None:
        """Commits what is stated. Raises DependencyUnavailable while PostgreSQL is away."""

        async def work(connection: Connection) -> None:
            kept = await connection.fetchval(_SQL["take_turn"], self._retention)
            known = await _read_known(connection, deliveries, facts)
            fresh = [d for d in deliveries if d.delivery_id in known or _is_kept(d, kept)]
            known_facts = await _read_known_facts(connection, [*fresh, *known.values()], facts)
            await _write(
                connection, project(fresh, facts, known=known, known_facts=known_facts), facts
            )

        await in_transaction(self._pool, work)


def _is_kept(delivery: Delivery, oldest: datetime) -> bool:
    """Says whether an unknown delivery is new: one this old may have been counted and deleted."""
    return delivery.state_time >= oldest


async def _read_known(
    connection: Connection, deliveries: Sequence[Delivery], facts: Sequence[Fact]
) -> dict[UUID, Delivery]:
    bounds = [_id_bounds(fact.notification_id) for fact in facts]
    rows = await connection.fetch(
        _SQL["read_known"],
        [delivery.delivery_id for delivery in deliveries],
        [fact.notification_id for fact in facts],
        [fact.channel for fact in facts],
        [lowest for lowest, _ in bounds],
        [highest for _, highest in bounds],
    )
    return {row["delivery_id"]: Delivery(**dict(row)) for row in rows}


async def _read_known_facts(
    connection: Connection, deliveries: Iterable[Delivery], facts: Sequence[Fact]
) -> list[FactKey]:
    ids = {delivery.notification_id for delivery in deliveries}
    ids |= {fact.notification_id for fact in facts}
    rows = await connection.fetch(_SQL["read_known_facts"], list(ids))
    return [FactKey(*row) for row in rows]


async def _write(connection: Connection, projection: Projection, facts: Sequence[Fact]) -> None:
    if projection.deliveries:
        columns = [list(map(attrgetter(name), projection.deliveries)) for name in _COLUMNS]
        await connection.execute(_SQL["write_deliveries"], *columns)
    if facts:
        await connection.execute(
            _SQL["write_facts"],
            [fact.tenant_id for fact in facts],
            [fact.notification_id for fact in facts],
            [fact.channel for fact in facts],
            [fact.type for fact in facts],
            [fact.source for fact in facts],
            [fact.time for fact in facts],
        )
    if projection.counts:
        rows = [(*key, change) for key, change in sorted(projection.counts.items())]
        await connection.execute(_SQL["move_counts"], *map(list, zip(*rows, strict=True)))


def _id_bounds(notification_id: UUID) -> tuple[UUID, UUID]:
    time = notification_id.int >> 80 << 80
    return UUID(int=time), UUID(int=time | (1 << 80) - 1)
