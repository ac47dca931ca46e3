"""EndpointService, for dispatch."""

from __future__ import annotations

from dataclasses import dataclass

from libs.rpc.pipeline import Context
from services.preference.usecases.mark_gone_webhooks import MarkGoneWebhooks
from services.preference.wire.endpoints import gone_webhooks_from_proto
from tidings.internal.preference.v1 import endpoint_service_pb2 as pb
from tidings.internal.preference.v1.endpoint_service_pb2_grpc import EndpointServiceServicer


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointServicer(EndpointServiceServicer):
    """Takes batches that may span tenants."""

    mark_gone_webhooks: MarkGoneWebhooks

    async def ReportGoneEndpoints(
        self, request: pb.ReportGoneEndpointsRequest, context: Context
    ) -> pb.ReportGoneEndpointsResponse:
        """See the contract."""
        await self.mark_gone_webhooks(gone_webhooks_from_proto(request))
        return pb.ReportGoneEndpointsResponse()
