"""The services that dispatch asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from libs.clock import uuid_of
from libs.rpc.channel import ask
from services.dispatch import wire
from services.dispatch.domain.models import EMAIL, ClaimedDelivery, GoneEndpoint
from tidings.internal.inbox.v1.inbox_delivery_service_pb2 import (
    DeliverBatchRequest,
    ItemKey,
    ReadReceiptsRequest,
)
from tidings.internal.preference.v1.endpoint_service_pb2 import ReportGoneEndpointsRequest
from tidings.internal.template.v1.rendering_service_pb2 import RenderResult
from tidings.template.v1.content_pb2 import InAppContent

if TYPE_CHECKING:
    # The stubs have types of their own for asyncio, which exist for type checkers only.
    from tidings.internal.inbox.v1.inbox_delivery_service_pb2_grpc import (
        InboxDeliveryServiceAsyncStub,
    )
    from tidings.internal.preference.v1.endpoint_service_pb2_grpc import EndpointServiceAsyncStub
    from tidings.internal.template.v1.rendering_service_pb2_grpc import RenderingServiceAsyncStub


# As many of the largest contents of a channel as a message between services holds, or of the largest variables.
_MOST_MAILS = 50
_MOST_OTHERS = 200
_MOST_BYTES = 32 << 20
_RECEIPTS_S = 1.0


class Renderer:
    """Template's word on what a delivery says."""

    def __init__(self, stub: RenderingServiceAsyncStub) -> None:
        self._stub = stub

    async def render(self, deliveries: Sequence[ClaimedDelivery]) -> list[RenderResult]:
        """Returns a result per delivery; raises DependencyUnavailable."""
        results: list[RenderResult] = []
        for part in _parts(deliveries):
            request = wire.render_batch_to_proto(part)
            response = await ask("template", self._stub.RenderBatch(request))
            results += response.results
        return results


def _parts(deliveries: Sequence[ClaimedDelivery]) -> Iterator[Sequence[ClaimedDelivery]]:
    """Yields what fits in one call each."""
    part: list[ClaimedDelivery] = []
    size = 0
    for delivery in deliveries:
        most = _MOST_MAILS if delivery.channel == EMAIL else _MOST_OTHERS
        size += len(delivery.task.variables)
        if part and (len(part) >= most or size > _MOST_BYTES):
            yield part
            part, size = [], len(delivery.task.variables)
        part.append(delivery)
    if part:
        yield part


class Inbox:
    """The inbox, an idempotent target: writing an item again changes nothing."""

    def __init__(self, stub: InboxDeliveryServiceAsyncStub) -> None:
        self._stub = stub

    async def deliver(self, items: Sequence[tuple[ClaimedDelivery, InAppContent]]) -> None:
        """Writes items; returns when all are committed, raises DependencyUnavailable."""
        request = DeliverBatchRequest(
            deliveries=(wire.inbox_delivery_to_proto(*item) for item in items)
        )
        await ask("inbox", self._stub.DeliverBatch(request))

    async def stream_write_times(
        self, tenant_id: str, items: Sequence[tuple[str, UUID]]
    ) -> dict[UUID, Timestamp]:
        """Returns when items (recipient, notification) first reached a stream. Raises
        DependencyUnavailable, soon: who reads a timeline rather has it without."""
        request = ReadReceiptsRequest(
            tenant_id=tenant_id,
            items=(ItemKey(recipient_id=r, notification_id=n.bytes) for r, n in items),
        )
        response = await ask("inbox", self._stub.ReadReceipts(request, timeout=_RECEIPTS_S))
        return {uuid_of(r.notification_id): r.stream_write_time for r in response.receipts}


class Preference:
    """Who keeps recipients' endpoints."""

    def __init__(self, stub: EndpointServiceAsyncStub) -> None:
        self._stub = stub

    async def report_gone(self, endpoints: Sequence[GoneEndpoint]) -> None:
        """Says which endpoints are gone; returns when that is committed, raises DependencyUnavailable."""
        request = ReportGoneEndpointsRequest(endpoints=map(wire.gone_endpoint_to_proto, endpoints))
        await ask("preference", self._stub.ReportGoneEndpoints(request))
