"""Changes what a recipient wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from libs.postgres.transaction import Connection
from services.preference.domain.changes import check_changes
from services.preference.domain.etags import check_etag
from services.preference.domain.models import PreferenceChange, RecipientPreferences
from services.preference.store.preferences import PreferenceStore


@dataclass(frozen=True, slots=True)
class UpdatePreferences:
    """Sets or clears preferences."""

    store: PreferenceStore

    async def __call__(
        self,
        connection: Connection,
        tenant_id: str,
        recipient_id: str,
        changes: Sequence[PreferenceChange],
        *,
        replace: bool,
        etag: str,
    ) -> RecipientPreferences:
        """Returns all that are set; those that are not named stay unless `replace` is true.

        Raises FieldsRefused, RecipientNotFound, CategoryNotFound or EtagMismatch.
        """
        check_changes(changes, replace=replace)
        current = await self.store.lock(connection, tenant_id, recipient_id)
        check_etag("recipient's preferences", etag, current.etag)
        return await self.store.change(
            connection, tenant_id, recipient_id, changes, replace=replace
        )
