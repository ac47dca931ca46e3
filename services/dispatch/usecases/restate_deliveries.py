"""States the ledger again, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from libs.failpoints import failpoint
from services.dispatch import wire
from services.dispatch.store.ledger_reader import LedgerReader
from tidings.internal.dispatch.v1.ledger_service_pb2 import RestateDeliveriesResponse


@dataclass(frozen=True, slots=True)
class RestateDeliveries:
    """For who has lost what events said. A page is a stretch of ids, whatever states are in it, so that none
    costs more than another."""

    ledger: LedgerReader

    async def __call__(
        self, *, after: UUID, last: UUID | None, limit: int
    ) -> RestateDeliveriesResponse:
        """Returns what lies behind `after`, up to and with `last`: when it is None, all that there is now."""
        last = last or await self.ledger.last_delivery_id()
        if last is None:
            return RestateDeliveriesResponse()
        rows = await self.ledger.restate(after=after, last=last, limit=limit)
        response = wire.restated(rows)
        response.last_delivery_id = last.bytes
        if len(rows) == limit:
            response.next_after_delivery_id = rows[-1]["delivery_id"].bytes
        failpoint("dispatch.restated")
        return response
