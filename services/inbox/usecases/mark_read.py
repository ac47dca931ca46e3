"""Marks items as read."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.inbox.domain.models import InboxKey
from services.inbox.store.items import ItemStore, Marked
from services.inbox.usecases import tell
from services.inbox.usecases.send_hints import HintSender


@dataclass(frozen=True, slots=True)
class MarkRead:
    """Marks what is unread, then hints at the feed, so that every device sees it."""

    store: ItemStore
    hints: HintSender

    async def __call__(self, key: InboxKey, item_ids: Sequence[UUID]) -> Marked:
        """Returns the items and counts; unknown ids are passed over."""
        begun = time.time_ns()
        marked = await self.store.mark_read(key, item_ids)
        tell.read(marked.items, marked.newly, begun=begun)
        if marked.moved is not None:
            self.hints.feeds_moved({key: marked.moved})
        return marked
