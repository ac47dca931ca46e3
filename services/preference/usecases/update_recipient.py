"""Changes some of what is known of a recipient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from libs.postgres.transaction import Connection
from services.preference.domain.errors import RecipientNotFound
from services.preference.domain.etags import check_etag
from services.preference.domain.models import Recipient, RecipientProfile
from services.preference.store.recipients import RecipientStore


@dataclass(frozen=True, slots=True)
class UpdateRecipient:
    """Changes a recipient from what it is now. What is new in its profile is checked."""

    store: RecipientStore

    async def __call__(
        self,
        connection: Connection,
        tenant_id: str,
        recipient_id: str,
        change: Callable[[Recipient], RecipientProfile],
        *,
        etag: str,
        reopen_webhooks: bool,
    ) -> Recipient:
        """Returns the recipient as stored; raises RecipientNotFound or EtagMismatch."""
        locked = await self.store.lock(connection, tenant_id, [recipient_id])
        current = locked.get(recipient_id)
        if current is None:
            raise RecipientNotFound(recipient_id)
        check_etag("recipient", etag, current.etag)
        (stored,) = await self.store.upsert(
            connection, tenant_id, [change(current)], reopen_webhooks=reopen_webhooks
        )
        return stored
