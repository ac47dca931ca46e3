"""What the secrets of webhooks are derived from, sealed. Not to be logged, nor shown."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID

from libs.clock import Clock, mint_uuid7
from libs.cluster_secret import ClusterSecrets
from libs.postgres.away import database
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from libs.postgres.transaction import Connection
from libs.sealing import Sealer, Unopenable
from services.dispatch.domain.models import WebhookRoot

_SQL = load_queries("services.dispatch")
_log = logging.getLogger(__name__)

_BYTES = 32
# Each adds a signature of 48 bytes to a header, and receivers take headers of a few KiB.
_MOST = 10
# Opened ones, of some hundred bytes each: those of a thousand tenants amid rotations.
_KEPT_OPEN = 4096
_RESEALED = 200


class WebhookRoots:
    """The roots of tenants. Read anew for each batch, so that a rotation holds at once and everywhere; what
    was read before is not opened anew."""

    def __init__(self, pool: Pool, *, secrets: ClusterSecrets, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._sealer = Sealer(secrets, "dispatch.webhook_roots.sealed_root")
        self._open = lru_cache(maxsize=_KEPT_OPEN)(self._sealer.open)

    async def of(self, tenant_ids: Collection[str]) -> dict[str, list[WebhookRoot]]:
        """Returns the roots that sign now, newest first; a tenant without one is given its first.

        Of a tenant whose roots do not all open, which is logged, there is no entry.
        """
        wanted = sorted(set(tenant_ids))
        with database():
            found = await self._read(wanted)
            if missing := [tenant_id for tenant_id in wanted if tenant_id not in found]:
                await self._create(self._pool, missing)
                found = await self._read(wanted)
        return {tenant_id: roots for tenant_id, roots in found.items() if roots}

    async def rotate(
        self, connection: Connection, tenant_id: str, *, overlap: timedelta
    ) -> datetime:
        """Gives a tenant a new root in the caller's transaction; returns when those of today stop signing."""
        end: datetime = await connection.fetchval(_SQL["lock_webhook_roots"], tenant_id, overlap)
        await connection.execute(_SQL["expire_webhook_roots"], tenant_id, overlap)
        await self._create(connection, [tenant_id])
        await connection.execute(_SQL["delete_webhook_roots"], tenant_id, _MOST)
        return end

    async def reseal(self) -> None:
        """Puts all under the secret in use; what does not open is logged and left as it is."""
        after: UUID | None = None
        while True:
            with database():
                rows = await self._pool.fetch(_SQL["list_webhook_roots"], after, _RESEALED)
                for row in rows:
                    await self._reseal(row["root_id"], row["tenant_id"], row["sealed_root"])
            if len(rows) < _RESEALED:
                return
            after = rows[-1]["root_id"]

    async def _reseal(self, root_id: UUID, tenant_id: str, sealed: bytes) -> None:
        try:
            anew = self._sealer.reseal(sealed, tenant_id, str(root_id))
        except Unopenable as error:
            _tell_unreadable(root_id, tenant_id, error)
            return
        if anew is not None:
            await self._pool.execute(_SQL["reseal_webhook_root"], root_id, anew)

    async def _read(self, tenant_ids: list[str]) -> dict[str, list[WebhookRoot]]:
        """Returns them by tenant; none for a tenant that has some which do not open."""
        found: dict[str, list[WebhookRoot]] = {}
        unreadable: set[str] = set()
        for row in await self._pool.fetch(_SQL["read_webhook_roots"], tenant_ids):
            tenant_id, root_id = row["tenant_id"], row["root_id"]
            roots = found.setdefault(tenant_id, [])
            try:
                key = self._open(row["sealed_root"], tenant_id, str(root_id))
            except Unopenable as error:
                _tell_unreadable(root_id, tenant_id, error)
                unreadable.add(tenant_id)
            else:
                roots.append(WebhookRoot(key=key, expire_time=row["expire_time"]))
        # Signed with some of them only, a call would be refused by who waits for the others.
        return found | {tenant_id: [] for tenant_id in unreadable}

    async def _create(self, where: Pool | Connection, tenant_ids: list[str]) -> None:
        now = self._clock.now()
        ids = [mint_uuid7(now) for _ in tenant_ids]
        sealed = [
            self._sealer.seal(secrets.token_bytes(_BYTES), tenant_id, str(root_id))
            for tenant_id, root_id in zip(tenant_ids, ids, strict=True)
        ]
        await where.execute(_SQL["create_webhook_roots"], ids, tenant_ids, sealed)


def _tell_unreadable(root_id: UUID, tenant_id: str, error: Unopenable) -> None:
    fields = {"root_id": str(root_id), "tenant_id": tenant_id, "why": str(error)}
    _log.error("webhook_root_unreadable", extra=fields)
