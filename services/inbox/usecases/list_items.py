"""Lists an inbox."""

from __future__ import annotations

from dataclasses import dataclass

from services.inbox.domain.listing import Page, PageRequest
from services.inbox.domain.models import InboxKey
from services.inbox.store.feed import FeedReader, NewestWanted


@dataclass(frozen=True, slots=True)
class ListItems:
    """Returns items, newest first, with the counts of the same moment."""

    reader: FeedReader

    async def __call__(self, key: InboxKey, request: PageRequest) -> Page:
        """Returns a page; one of large items may be shorter than asked for."""
        page = await self.reader.newest(
            NewestWanted(
                key=key,
                before=request.before,
                most=request.size,
                unread_only=request.unread_only,
            )
        )
        return Page(
            items=page.items,
            counts=page.head.counts,
            next_before=None if page.complete else page.items[-1].created_sequence,
        )
