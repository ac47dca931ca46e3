"""Revokes an API key."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from libs.clock import Clock
from services.access.domain.models import ApiKey
from services.access.store.api_keys import Store


@dataclass(frozen=True, slots=True)
class RevokeApiKey:
    """Revokes a key for good."""

    store: Store
    clock: Clock

    async def __call__(self, tenant_id: str, key_id: UUID) -> ApiKey:
        """Returns the revoked key, also when it was revoked before; raises ApiKeyNotFound."""
        return await self.store.revoke_api_key(tenant_id, key_id, self.clock.now())
