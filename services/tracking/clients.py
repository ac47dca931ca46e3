"""The service that tracking asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from libs.rpc.channel import ask
from services.tracking.domain.rebuild import Claim, LedgerPage
from services.tracking.wire.rebuild import page_from_proto
from tidings.internal.dispatch.v1.ledger_service_pb2 import RestateDeliveriesRequest

if TYPE_CHECKING:
    # The stubs have types of their own for asyncio, which exist for type checkers only.
    from tidings.internal.dispatch.v1.ledger_service_pb2_grpc import LedgerServiceAsyncStub

_PAGE = 500


class Ledger:
    """Dispatch's word on what became of deliveries."""

    def __init__(self, stub: LedgerServiceAsyncStub) -> None:
        self._stub = stub

    async def page(self, claim: Claim) -> LedgerPage:
        """Returns what comes next; raises DependencyUnavailable."""
        request = RestateDeliveriesRequest(
            after_delivery_id=claim.position.bytes if claim.position.int else b"",
            last_delivery_id=claim.last_id.bytes if claim.last_id else b"",
            page_size=_PAGE,
        )
        return page_from_proto(await ask("dispatch", self._stub.RestateDeliveries(request)))
