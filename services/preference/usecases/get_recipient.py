"""Reads a recipient."""

from __future__ import annotations

from dataclasses import dataclass

from services.preference.domain.models import Recipient
from services.preference.store.recipients import RecipientStore


@dataclass(frozen=True, slots=True)
class GetRecipient:
    """Returns a recipient."""

    store: RecipientStore

    async def __call__(self, tenant_id: str, recipient_id: str) -> Recipient:
        """Raises RecipientNotFound."""
        return await self.store.get(tenant_id, recipient_id)
