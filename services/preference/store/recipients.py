"""The table of recipients."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import asdict

from libs.paging import PageRequest
from libs.postgres.away import database
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from libs.postgres.transaction import Connection, Result, in_statement, in_transaction
from services.preference.domain.errors import RecipientNotFound
from services.preference.domain.filters import RecipientFilter
from services.preference.domain.models import GoneWebhook, Recipient, RecipientProfile
from services.preference.store.contact_keys import contact_keys
from services.preference.store.rows import recipient_from_row

_SQL = load_queries("services.preference")


class RecipientStore:
    """Keeps recipients. What changes them runs in its caller's transaction."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def in_transaction(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Runs `work` in a transaction of its own."""
        return await in_transaction(self._pool, work)

    async def upsert(
        self,
        connection: Connection,
        tenant_id: str,
        profiles: Sequence[RecipientProfile],
        *,
        reopen_webhooks: bool = False,
    ) -> list[Recipient]:
        """Creates or replaces recipients, each id at most once, in one statement; in the given order.

        `reopen_webhooks`: their webhooks' URLs are in use again, though they were gone.
        """
        given = json.dumps([_columns(tenant_id, profile) for profile in profiles])
        rows = await connection.fetch(_SQL["upsert_recipients"], tenant_id, given, reopen_webhooks)
        stored = {row["recipient_id"]: recipient_from_row(row) for row in rows}
        return [stored[profile.recipient_id] for profile in profiles]

    async def lock(
        self, connection: Connection, tenant_id: str, recipient_ids: Collection[str]
    ) -> dict[str, Recipient]:
        """Returns those that exist, which nobody else changes until the transaction ends."""
        rows = await connection.fetch(_SQL["lock_recipients"], tenant_id, list(recipient_ids))
        return {row["recipient_id"]: recipient_from_row(row) for row in rows}

    async def mark_gone(self, webhooks: Sequence[GoneWebhook]) -> None:
        """Marks URLs as gone where they are in use and were not named again since the call."""
        await in_statement(
            self._pool,
            _SQL["mark_gone_webhooks"],
            [webhook.tenant_id for webhook in webhooks],
            [webhook.recipient_id for webhook in webhooks],
            [webhook.webhook_url for webhook in webhooks],
            [webhook.call_time for webhook in webhooks],
        )

    async def delete(self, connection: Connection, tenant_id: str, recipient_id: str) -> None:
        """Deletes a recipient with its preferences."""
        await connection.execute(_SQL["delete_recipient"], tenant_id, recipient_id)

    async def get(self, tenant_id: str, recipient_id: str) -> Recipient:
        """Returns a recipient; raises RecipientNotFound."""
        with database():
            row = await self._pool.fetchrow(_SQL["get_recipient"], tenant_id, recipient_id)
        if row is None:
            raise RecipientNotFound(recipient_id)
        return recipient_from_row(row)

    async def list_page(
        self, tenant_id: str, wanted: RecipientFilter, page: PageRequest
    ) -> list[Recipient]:
        """Returns those of a page, by id."""
        keys = contact_keys(
            tenant_id,
            emails=[wanted.email] if wanted.email else [],
            phone_numbers=[wanted.phone_number] if wanted.phone_number else [],
        )
        arguments = (tenant_id, page.after, wanted.id_prefix, page.limit)
        with database():
            if keys:
                rows = await self._pool.fetch(_SQL["find_recipients"], *arguments, keys)
            else:
                rows = await self._pool.fetch(_SQL["list_recipients"], *arguments)
        return [recipient_from_row(row) for row in rows]


def _columns(tenant_id: str, profile: RecipientProfile) -> dict[str, object]:
    keys = contact_keys(tenant_id, emails=profile.emails, phone_numbers=profile.phone_numbers)
    given = {**asdict(profile), "contact_keys": [str(key) for key in keys]}
    # The statement's to say.
    del given["webhook_gone_time"]
    return given
