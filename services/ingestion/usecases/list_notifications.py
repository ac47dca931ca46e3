"""Lists notifications."""

from __future__ import annotations

from libs.paging import IdRange, Page, PageRequest
from services.ingestion.domain.listing import NotificationFilter
from services.ingestion.store.listing import Listed, ListingStore

_SCAN = 2_000


class ListNotifications:
    """Newest first. A selective filter ends a page after so many rows, not after so many matches."""

    def __init__(self, *, store: ListingStore) -> None:
        self._store = store

    async def __call__(
        self, tenant_id: str, wanted: NotificationFilter, page: PageRequest
    ) -> Page[Listed]:
        """Returns a page; raises InvalidPageToken."""
        ids = IdRange.of(page, since=wanted.accept_time_from, until=wanted.accept_time_until)
        found = await self._store.list_newest(tenant_id, wanted, ids, scan=_SCAN, limit=page.limit)
        return Page.cut_scanned(
            found,
            page,
            key=lambda listed: str(listed.notification.notification_id),
            matches=lambda listed: listed.matches,
            ends_scan=lambda listed: listed.place == _SCAN,
        )
