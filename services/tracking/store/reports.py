"""Reads deliveries, counts and facts."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from libs.paging import IdRange
from libs.postgres.away import database
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from services.tracking.domain.listing import DeliveryFilter
from services.tracking.domain.period import Period

_SQL = load_queries("services.tracking")

# Apart, so that each gets a plan, and an index, of its own.
_LIST_OF_RECIPIENT = _SQL["list_deliveries"]
_LIST = (
    _LIST_OF_RECIPIENT.replace("(tenant_id, recipient_id, delivery_id)", "(tenant_id, delivery_id)")
    .replace("($1, $2, $3)", "($1, $3)")
    .replace("($1, $2, $4)", "($1, $4) AND $2::text = ''")
    .replace("tenant_id DESC, recipient_id DESC", "tenant_id DESC")
)


class ReportStore:
    """What was recorded. Raises DependencyUnavailable while PostgreSQL is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def list_deliveries(
        self, tenant_id: str, wanted: DeliveryFilter, ids: IdRange, *, scan: int, limit: int
    ) -> list[asyncpg.Record]:
        """Looks at up to `scan` of a tenant's deliveries, newest first, and returns up to `limit` that
        `matches`; the last one looked at, at the `place` of `scan`, comes along in any case."""
        with database():
            return await self._pool.fetch(
                _LIST_OF_RECIPIENT if wanted.recipient_id else _LIST,
                tenant_id,
                wanted.recipient_id,
                ids.lowest,
                ids.before,
                wanted.category,
                wanted.channel,
                wanted.states,
                wanted.accept_time_from,
                wanted.accept_time_until,
                scan,
                limit,
            )

    async def count_deliveries(
        self,
        tenant_id: str,
        period: Period,
        *,
        category: str,
        channel: int,
        template_name: str,
        limit: int,
    ) -> list[asyncpg.Record]:
        """Returns the counts of up to `limit` combinations of interval, category, channel and template."""
        with database():
            return await self._pool.fetch(
                _SQL["count_deliveries"],
                tenant_id,
                period.start,
                period.end,
                period.interval.name,
                category,
                channel,
                template_name,
                limit,
            )

    async def read_facts(
        self, tenant_id: str, notification_ids: Sequence[UUID]
    ) -> list[asyncpg.Record]:
        """Returns the facts of a tenant's notifications, the oldest first."""
        with database():
            return await self._pool.fetch(_SQL["read_facts"], tenant_id, notification_ids)
