"""Puts notifications into inboxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.inbox.domain.models import Delivery
from services.inbox.store.deliveries import DeliveryStore
from services.inbox.usecases import tell
from services.inbox.usecases.send_hints import HintSender


@dataclass(frozen=True, slots=True)
class DeliverBatch:
    """Writes a batch in one transaction, then hints at the feeds that moved."""

    store: DeliveryStore
    hints: HintSender

    async def __call__(self, deliveries: Sequence[Delivery]) -> None:
        """Returns when all are committed; a repeat changes nothing."""
        with tell.storing(len(deliveries)):
            moved = await self.store.deliver(deliveries)
        self.hints.feeds_moved(moved)
