"""Lists notifications."""

from __future__ import annotations

import asyncpg

from libs.paging import IdRange
from libs.postgres.away import database
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from libs.values import value
from services.ingestion.domain.listing import NotificationFilter
from services.ingestion.domain.models import NotificationState, StoredNotification

_SQL = load_queries("services.ingestion")

# Apart, so that each gets a plan, and an index, of its own.
_LIST_OF_RECIPIENT = _SQL["list_notifications"]
_LIST = _LIST_OF_RECIPIENT.replace("recipient_id = $2", "$2::text = ''")


@value
class Listed:
    """A notification that a scan came by."""

    notification: StoredNotification
    """Without its plan."""
    matches: bool
    place: int
    """In the scan, counted from 1."""


class ListingStore:
    """Notifications in the order in which they were accepted."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def list_newest(
        self, tenant_id: str, wanted: NotificationFilter, ids: IdRange, *, scan: int, limit: int
    ) -> list[Listed]:
        """Looks at up to `scan` of a tenant's notifications, newest first, and returns up to `limit`
        that match; the last one looked at, at the place of `scan`, comes along in any case."""
        with database():
            rows = await self._pool.fetch(
                _LIST_OF_RECIPIENT if wanted.recipient_id else _LIST,
                tenant_id,
                wanted.recipient_id,
                ids.lowest,
                ids.before,
                wanted.category,
                wanted.states,
                wanted.accept_time_from,
                wanted.accept_time_until,
                scan,
                limit,
            )
        return [_listed(row) for row in rows]


def _listed(row: asyncpg.Record) -> Listed:
    fields = dict(row)
    matches, place = fields.pop("matches"), fields.pop("place")
    fields["requested_channels"] = tuple(fields["requested_channels"])
    fields["state"] = NotificationState(fields["state"])
    return Listed(
        notification=StoredNotification(**fields, plan=None), matches=matches, place=place
    )
