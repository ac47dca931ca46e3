"""Tenants and their API keys."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

from libs.postgres.away import database
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from libs.postgres.transaction import Connection
from services.access.domain.errors import ApiKeyNotFound, TenantAlreadyExists, TenantNotFound
from services.access.domain.models import ApiKey, Tenant
from services.access.domain.secret import Secret

_SQL = load_queries("services.access")


class Store:
    """Keeps tenants and API keys. Raises DependencyUnavailable while PostgreSQL is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add_tenant(self, tenant: Tenant) -> None:
        """Stores a tenant; raises TenantAlreadyExists."""
        try:
            with database():
                await self._pool.execute(
                    _SQL["insert_tenant"],
                    tenant.tenant_id,
                    tenant.display_name,
                    tenant.create_time,
                )
        except asyncpg.UniqueViolationError:
            raise TenantAlreadyExists(tenant.tenant_id) from None

    async def get_api_key(self, tenant_id: str, key_id: UUID) -> ApiKey:
        """Returns a key of any state; raises ApiKeyNotFound."""
        with database():
            row = await self._pool.fetchrow(_SQL["get_api_key"], tenant_id, key_id)
        if row is None:
            raise ApiKeyNotFound(key_id)
        return _api_key_from_row(row)

    async def list_api_keys(
        self, tenant_id: str, before: UUID | None, limit: int, *, active_at: datetime | None
    ) -> list[ApiKey]:
        """Returns up to `limit` keys older than `before`, newest first; with a moment, those that work then."""
        with database():
            rows = await self._pool.fetch(
                _SQL["list_api_keys"], tenant_id, before, limit, active_at
            )
        return [_api_key_from_row(row) for row in rows]

    async def revoke_api_key(self, tenant_id: str, key_id: UUID, now: datetime) -> ApiKey:
        """Returns the key, which is revoked from now on or was before; raises ApiKeyNotFound."""
        with database():
            row = await self._pool.fetchrow(_SQL["revoke_api_key"], tenant_id, key_id, now)
        if row is None:
            raise ApiKeyNotFound(key_id)
        return _api_key_from_row(row)

    async def find_unrevoked_api_key(self, secret_hash: bytes) -> ApiKey | None:
        """Returns the key, expired or not, unless it was revoked or never was."""
        with database():
            row = await self._pool.fetchrow(_SQL["find_unrevoked_api_key"], secret_hash)
        return None if row is None else _api_key_from_row(row)


async def add_api_key(connection: Connection, api_key: ApiKey, secret: Secret) -> None:
    """Stores a key and the hash of its secret; raises TenantNotFound."""
    try:
        await connection.execute(
            _SQL["insert_api_key"],
            api_key.key_id,
            api_key.tenant_id,
            api_key.display_name,
            api_key.prefix,
            secret.digest,
            api_key.scopes,
            api_key.create_time,
            api_key.expire_time,
        )
    except asyncpg.ForeignKeyViolationError:
        raise TenantNotFound(api_key.tenant_id) from None


async def lock_api_key(connection: Connection, tenant_id: str, key_id: UUID) -> ApiKey:
    """Holds a key until the transaction ends; raises ApiKeyNotFound."""
    row = await connection.fetchrow(_SQL["lock_api_key"], tenant_id, key_id)
    if row is None:
        raise ApiKeyNotFound(key_id)
    return _api_key_from_row(row)


async def change_api_key(connection: Connection, api_key: ApiKey) -> None:
    """Stores what of a locked key can change."""
    await connection.execute(
        _SQL["change_api_key"],
        api_key.tenant_id,
        api_key.key_id,
        api_key.display_name,
        api_key.scopes,
        api_key.expire_time,
        api_key.revision,
    )


def _api_key_from_row(row: asyncpg.Record) -> ApiKey:
    return ApiKey(
        key_id=row["key_id"],
        tenant_id=row["tenant_id"],
        display_name=row["display_name"],
        prefix=row["prefix"],
        scopes=tuple(row["scopes"]),
        create_time=row["create_time"],
        expire_time=row["expire_time"],
        revoke_time=row["revoke_time"],
        revision=row["revision"],
    )
