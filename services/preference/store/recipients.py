"""The table of recipients."""

from __future__ import annotations

from libs.postgres.away import database
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from services.preference.domain.errors import RecipientNotFound
from services.preference.domain.models import Recipient, RecipientProfile
from services.preference.store.rows import recipient_from_row

_SQL = load_queries("services.preference")


class RecipientStore:
    """Keeps recipients."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def upsert(self, tenant_id: str, profile: RecipientProfile) -> Recipient:
        """Creates a recipient or replaces what is known of one."""
        with database():
            (row,) = await self._pool.fetch(
                _SQL["upsert_recipient"],
                tenant_id,
                profile.recipient_id,
                profile.emails,
                profile.phone_numbers,
                profile.locale,
                profile.time_zone,
            )
        return recipient_from_row(row)

    async def get(self, tenant_id: str, recipient_id: str) -> Recipient:
        """Returns a recipient; raises RecipientNotFound."""
        with database():
            row = await self._pool.fetchrow(_SQL["get_recipient"], tenant_id, recipient_id)
        if row is None:
            raise RecipientNotFound(recipient_id)
        return recipient_from_row(row)

    async def list_after(self, tenant_id: str, last_id: str, limit: int) -> list[Recipient]:
        """Returns up to `limit` recipients whose ids come after `last_id`."""
        with database():
            rows = await self._pool.fetch(_SQL["list_recipients"], tenant_id, last_id, limit)
        return [recipient_from_row(row) for row in rows]
