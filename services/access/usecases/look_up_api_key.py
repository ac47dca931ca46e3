"""Says whose an API key is."""

from __future__ import annotations

from dataclasses import dataclass

from services.access.domain.models import ApiKey
from services.access.store.api_keys import Store


@dataclass(frozen=True, slots=True)
class LookUpApiKey:
    """Finds a key by the hash of its secret."""

    store: Store

    async def __call__(self, secret_hash: bytes) -> ApiKey | None:
        """Returns the key even when it has expired; None for a revoked or unknown one."""
        return await self.store.find_unrevoked_api_key(secret_hash)
