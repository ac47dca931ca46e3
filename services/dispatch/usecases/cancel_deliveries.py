"""Stops deliveries, those included that no message has brought yet."""

from __future__ import annotations

from collections.abc import Sequence

from services.dispatch.domain.cancelling import fate_of
from services.dispatch.domain.models import DeliveryToCancel, Fate
from services.dispatch.store.ledger import Ledger


class CancelDeliveries:
    """Asked again, it says what became of them meanwhile."""

    def __init__(self, *, ledger: Ledger) -> None:
        self._ledger = ledger

    async def __call__(self, deliveries: Sequence[DeliveryToCancel]) -> list[Fate]:
        """Returns the fate of each, in order."""
        if not deliveries:
            return []
        return [fate_of(state) for state in await self._ledger.cancel(deliveries)]
