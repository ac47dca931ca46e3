"""Looks where the followed feeds stand."""

from __future__ import annotations

from dataclasses import dataclass

from services.inbox.domain.models import InboxKey
from services.inbox.domain.positions import Position
from services.inbox.store.feed import FeedReader
from services.inbox.usecases.hub import Hub


@dataclass(frozen=True, slots=True)
class CheckHeads:
    """Wakes the streams that are behind, when hints may have been lost."""

    hub: Hub
    reader: FeedReader

    async def __call__(self) -> None:
        """Reads the heads of all streams in batches."""
        heads: dict[InboxKey, Position | None] = dict.fromkeys(self.hub.keys())
        for key, head in (await self.reader.heads(list(heads))).items():
            heads[key] = Position(epoch=head.epoch, sequence=head.sequence)
        self.hub.wake(heads)
