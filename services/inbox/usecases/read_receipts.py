"""Says when items reached a stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.inbox.domain.models import Receipt
from services.inbox.store.deliveries import DeliveryStore


@dataclass(frozen=True, slots=True)
class ReadReceipts:
    """Returns when items of a tenant were first written to a stream."""

    store: DeliveryStore

    async def __call__(self, tenant_id: str, items: Sequence[tuple[str, UUID]]) -> list[Receipt]:
        """Takes recipients and item ids; items that reached no stream are absent."""
        return await self.store.read_receipts(tenant_id, items)
