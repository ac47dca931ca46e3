"""What the secrets of webhooks are derived from. Not to be logged, nor shown."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from libs.clock import Clock, mint_uuid7
from libs.postgres.away import database
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from libs.postgres.transaction import Connection
from services.dispatch.domain.models import WebhookRoot

_SQL = load_queries("services.dispatch")

_BYTES = 32
# Each adds a signature of 48 bytes to a header, and receivers take headers of a few KiB.
_MOST = 10


class WebhookRoots:
    """The roots of tenants. Read anew for each batch, so that a rotation holds at once and everywhere."""

    def __init__(self, pool: Pool, *, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def of(self, tenant_ids: Collection[str]) -> dict[str, list[WebhookRoot]]:
        """Returns the roots that sign now, newest first; a tenant without one is given its first."""
        wanted = sorted(set(tenant_ids))
        with database():
            found = await self._read(wanted)
            if missing := [tenant_id for tenant_id in wanted if tenant_id not in found]:
                await self._create(self._pool, missing)
                found = await self._read(wanted)
        return found

    async def rotate(
        self, connection: Connection, tenant_id: str, *, overlap: timedelta
    ) -> datetime:
        """Gives a tenant a new root in the caller's transaction; returns when those of today stop signing."""
        end: datetime = await connection.fetchval(_SQL["lock_webhook_roots"], tenant_id, overlap)
        await connection.execute(_SQL["expire_webhook_roots"], tenant_id, overlap)
        await self._create(connection, [tenant_id])
        await connection.execute(_SQL["delete_webhook_roots"], tenant_id, _MOST)
        return end

    async def _read(self, tenant_ids: list[str]) -> dict[str, list[WebhookRoot]]:
        found: dict[str, list[WebhookRoot]] = {}
        for row in await self._pool.fetch(_SQL["read_webhook_roots"], tenant_ids):
            root = WebhookRoot(key=row["root"], expire_time=row["expire_time"])
            found.setdefault(row["tenant_id"], []).append(root)
        return found

    async def _create(self, where: Pool | Connection, tenant_ids: list[str]) -> None:
        now = self._clock.now()
        await where.execute(
            _SQL["create_webhook_roots"],
            [mint_uuid7(now) for _ in tenant_ids],
            tenant_ids,
            [secrets.token_bytes(_BYTES) for _ in tenant_ids],
        )
