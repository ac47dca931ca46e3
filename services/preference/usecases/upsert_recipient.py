"""Stores a recipient."""

from __future__ import annotations

from dataclasses import dataclass

from services.preference.domain.models import Recipient, RecipientProfile
from services.preference.domain.profile_rules import check_profile
from services.preference.store.recipients import RecipientStore


@dataclass(frozen=True, slots=True)
class UpsertRecipient:
    """Creates a recipient or replaces what is known of one."""

    store: RecipientStore

    async def __call__(self, tenant_id: str, profile: RecipientProfile) -> Recipient:
        """Returns the recipient as stored; raises FieldsRefused."""
        check_profile(profile)
        return await self.store.upsert(tenant_id, profile)
