"""Reads what a recipient wants."""

from __future__ import annotations

from dataclasses import dataclass

from services.preference.domain.models import RecipientPreferences
from services.preference.store.preferences import PreferenceStore


@dataclass(frozen=True, slots=True)
class GetPreferences:
    """Returns the preferences that a recipient has set."""

    store: PreferenceStore

    async def __call__(self, tenant_id: str, recipient_id: str) -> RecipientPreferences:
        """Raises RecipientNotFound."""
        return await self.store.get(tenant_id, recipient_id)
