"""Stores recipients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from libs.errors import EtagMismatch
from libs.postgres.transaction import Connection
from services.preference.domain.changes import RecipientUpsert, without_repeats
from services.preference.domain.etags import check_etag
from services.preference.domain.models import Recipient
from services.preference.store.recipients import RecipientStore


@dataclass(frozen=True, slots=True)
class UpsertRecipients:
    """Creates recipients or replaces what is known of them. Their profiles are checked."""

    store: RecipientStore

    async def alone(
        self, connection: Connection, tenant_id: str, upsert: RecipientUpsert
    ) -> Recipient:
        """Returns the recipient as stored; raises EtagMismatch."""
        (stored,) = await self._part(connection, tenant_id, [upsert])
        if isinstance(stored, EtagMismatch):
            raise stored
        return stored

    async def together(
        self, tenant_id: str, upserts: Sequence[RecipientUpsert]
    ) -> list[Recipient | EtagMismatch]:
        """Returns each as stored or why it is not, in order, in one transaction."""

        async def work(connection: Connection) -> list[Recipient | EtagMismatch]:
            stored: list[Recipient | EtagMismatch] = []
            # Each later one of an id replaces what the one before it stored.
            for part in without_repeats(upserts):
                stored += await self._part(connection, tenant_id, part)
            return stored

        return await self.store.in_transaction(work)

    async def _part(
        self, connection: Connection, tenant_id: str, upserts: Sequence[RecipientUpsert]
    ) -> list[Recipient | EtagMismatch]:
        faults = await self._faults(connection, tenant_id, upserts)
        good = [upsert.profile for upsert in upserts if upsert.profile.recipient_id not in faults]
        stored = iter(await self.store.upsert(connection, tenant_id, good) if good else [])
        return [faults.get(upsert.profile.recipient_id) or next(stored) for upsert in upserts]

    async def _faults(
        self, connection: Connection, tenant_id: str, upserts: Sequence[RecipientUpsert]
    ) -> dict[str, EtagMismatch]:
        guarded = {upsert.profile.recipient_id: upsert.etag for upsert in upserts if upsert.etag}
        if not guarded:
            return {}
        current = await self.store.lock(connection, tenant_id, guarded)
        faults = {}
        for recipient_id, etag in guarded.items():
            recipient = current.get(recipient_id)
            try:
                check_etag("recipient", etag, recipient.etag if recipient else "")
            except EtagMismatch as error:
                faults[recipient_id] = error
        return faults
