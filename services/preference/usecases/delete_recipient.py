"""Deletes a recipient."""

from __future__ import annotations

from dataclasses import dataclass

from libs.postgres.transaction import Connection
from services.preference.domain.errors import RecipientNotFound
from services.preference.domain.etags import check_etag
from services.preference.store.recipients import RecipientStore


@dataclass(frozen=True, slots=True)
class DeleteRecipient:
    """Deletes a recipient with its preferences; planning refuses what waits for it."""

    store: RecipientStore

    async def __call__(
        self, connection: Connection, tenant_id: str, recipient_id: str, *, etag: str
    ) -> None:
        """Raises RecipientNotFound or EtagMismatch."""
        locked = await self.store.lock(connection, tenant_id, [recipient_id])
        if recipient_id not in locked:
            raise RecipientNotFound(recipient_id)
        check_etag("recipient", etag, locked[recipient_id].etag)
        await self.store.delete(connection, tenant_id, recipient_id)
