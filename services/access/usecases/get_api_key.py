"""Reads an API key."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from services.access.domain.models import ApiKey
from services.access.store.api_keys import Store


@dataclass(frozen=True, slots=True)
class GetApiKey:
    """Returns a key without its secret."""

    store: Store

    async def __call__(self, tenant_id: str, key_id: UUID) -> ApiKey:
        """Raises ApiKeyNotFound."""
        return await self.store.get_api_key(tenant_id, key_id)
