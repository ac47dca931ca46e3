"""ReportService."""

from __future__ import annotations

from dataclasses import dataclass

from libs.clock import Clock
from libs.identity.caller import current_caller
from libs.paging import listing_of, page_from_proto, page_token_to_proto
from libs.rpc.pipeline import Context
from services.tracking.domain.period import period_of
from services.tracking.usecases.count_deliveries import CountDeliveries
from services.tracking.usecases.list_deliveries import ListDeliveries
from services.tracking.wire.reports import (
    counts_to_proto,
    delivery_to_proto,
    filter_from_proto,
    interval_from_proto,
    moment_from_proto,
)
from tidings.tracking.v1 import report_service_pb2 as pb
from tidings.tracking.v1.report_service_pb2_grpc import ReportServiceServicer

_MOST_COUNTS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportServicer(ReportServiceServicer):
    """Lists and counts for users' backends."""

    list_deliveries: ListDeliveries
    count_deliveries: CountDeliveries
    clock: Clock

    async def ListDeliveries(
        self, request: pb.ListDeliveriesRequest, context: Context
    ) -> pb.ListDeliveriesResponse:
        """See the contract."""
        tenant_id = current_caller().tenant_id
        listing = listing_of(request)
        wanted = page_from_proto(listing, tenant_id, request.page_size, request.page_token)
        page = await self.list_deliveries(tenant_id, filter_from_proto(request), wanted)
        return pb.ListDeliveriesResponse(
            deliveries=map(delivery_to_proto, page.items),
            next_page_token=page_token_to_proto(listing, tenant_id, page.last_key),
        )

    async def CountDeliveries(
        self, request: pb.CountDeliveriesRequest, context: Context
    ) -> pb.CountDeliveriesResponse:
        """See the contract."""
        period = period_of(
            interval_from_proto(request.interval),
            moment_from_proto(request, "start_time"),
            moment_from_proto(request, "end_time"),
            now=self.clock.now(),
        )
        rows = await self.count_deliveries(
            current_caller().tenant_id,
            period,
            category=request.category,
            channel=request.channel,
            template_name=request.template_name,
            limit=_MOST_COUNTS + 1,
        )
        counts = counts_to_proto(rows)
        return pb.CountDeliveriesResponse(
            counts=counts[:_MOST_COUNTS], truncated=len(counts) > _MOST_COUNTS
        )
