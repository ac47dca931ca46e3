"""FactService, for ingestion."""

from __future__ import annotations

from dataclasses import dataclass

from libs.clock import uuid_of
from libs.rpc.pipeline import Context
from services.tracking.usecases.read_facts import ReadFacts
from services.tracking.wire.reports import fact_to_proto
from tidings.internal.tracking.v1 import fact_service_pb2 as pb
from tidings.internal.tracking.v1.fact_service_pb2_grpc import FactServiceServicer


@dataclass(frozen=True, slots=True, kw_only=True)
class FactServicer(FactServiceServicer):
    """Shows facts to the other services."""

    read_facts: ReadFacts

    async def ReadFacts(
        self, request: pb.ReadFactsRequest, context: Context
    ) -> pb.ReadFactsResponse:
        """See the contract."""
        rows = await self.read_facts(
            request.tenant_id, [uuid_of(value) for value in request.notification_ids]
        )
        return pb.ReadFactsResponse(facts=map(fact_to_proto, rows))
