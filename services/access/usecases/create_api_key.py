"""Creates API keys: a tenant's own, and the operator's way in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from libs.clock import Clock, mint_uuid7
from libs.postgres.pool import Pool
from libs.postgres.transaction import Connection, in_transaction
from services.access.domain.lifetime import key_expiry
from services.access.domain.models import ApiKey
from services.access.domain.scopes import ADMIN
from services.access.domain.secret import Secret
from services.access.store.api_keys import add_api_key


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRequest:
    """What a new key shall be."""

    tenant_id: str
    display_name: str
    scopes: tuple[int, ...]
    lifetime: timedelta | None = None
    """None: the key does not expire."""


@dataclass(frozen=True, slots=True)
class CreateApiKey:
    """Creates a key and hands its secret out, this once."""

    clock: Clock

    async def __call__(self, connection: Connection, request: KeyRequest) -> tuple[ApiKey, Secret]:
        """Raises TenantNotFound or LifetimeTooLong; whether the scopes may be granted is known before."""
        now = self.clock.now()
        secret = Secret.mint()
        api_key = ApiKey(
            key_id=mint_uuid7(now),
            tenant_id=request.tenant_id,
            display_name=request.display_name,
            prefix=secret.prefix,
            scopes=tuple(sorted(request.scopes)),
            create_time=now,
            expire_time=key_expiry(now, request.lifetime),
        )
        await add_api_key(connection, api_key, secret)
        return api_key, secret


@dataclass(frozen=True, slots=True)
class CreateAdminKey:
    """Creates a key with every scope, for the operator of the cluster."""

    pool: Pool
    create_api_key: CreateApiKey

    async def __call__(self, tenant_id: str) -> Secret:
        """Raises TenantNotFound."""
        request = KeyRequest(tenant_id=tenant_id, display_name="admin", scopes=(ADMIN,))

        async def create(connection: Connection) -> Secret:
            _, secret = await self.create_api_key(connection, request)
            return secret

        return await in_transaction(self.pool, create)
