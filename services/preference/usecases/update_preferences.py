"""Changes what a recipient wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.preference.domain.changes import check_changes
from services.preference.domain.models import Preference, PreferenceChange
from services.preference.store.preferences import PreferenceStore


@dataclass(frozen=True, slots=True)
class UpdatePreferences:
    """Sets or clears some preferences; the others stay."""

    store: PreferenceStore

    async def __call__(
        self, tenant_id: str, recipient_id: str, changes: Sequence[PreferenceChange]
    ) -> list[Preference]:
        """Returns all that are set; raises FieldsRefused, RecipientNotFound or CategoryNotFound."""
        check_changes(changes)
        return await self.store.change(tenant_id, recipient_id, changes)
