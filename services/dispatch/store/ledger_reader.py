"""The ledger as others read it; nothing is locked, and nothing changed."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from libs.postgres.away import database
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries

_SQL = load_queries("services.dispatch")


class LedgerReader:
    """Rows of the ledger. Raises DependencyUnavailable while PostgreSQL is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def read(self, tenant_id: str, notification_ids: Sequence[UUID]) -> list[asyncpg.Record]:
        """Returns the rows of a tenant's notifications."""
        bounds = [_same_time(notification_id) for notification_id in notification_ids]
        with database():
            return await self._pool.fetch(
                _SQL["read_deliveries"],
                tenant_id,
                notification_ids,
                [low for low, _ in bounds],
                [high for _, high in bounds],
            )

    async def restate(self, *, after: UUID, last: UUID, limit: int) -> list[asyncpg.Record]:
        """Returns rows behind `after`, up to and with `last`, in the order of their ids."""
        with database():
            return await self._pool.fetch(_SQL["restate"], after, last, limit)

    async def last_delivery_id(self) -> UUID | None:
        """Returns the highest id of the ledger, None when it is empty."""
        with database():
            last: UUID | None = await self._pool.fetchval(_SQL["last_delivery_id"])
        return last


def _same_time(notification_id: UUID) -> tuple[UUID, UUID]:
    time = notification_id.int >> 80 << 80
    return UUID(int=time), UUID(int=time | (1 << 80) - 1)
