"""PlanningService, for ingestion."""

from __future__ import annotations

from dataclasses import dataclass

from libs.rpc.pipeline import Context
from services.preference.usecases.check_sends import CheckSends
from services.preference.usecases.plan_deliveries import PlanDeliveries
from services.preference.wire.planning import (
    check_from_proto,
    plan_to_proto,
    results_to_proto,
    task_from_proto,
)
from tidings.internal.preference.v1 import planning_service_pb2 as pb
from tidings.internal.preference.v1.planning_service_pb2_grpc import PlanningServiceServicer


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningServicer(PlanningServiceServicer):
    """Checks and plans batches that may span tenants."""

    check_sends: CheckSends
    plan_deliveries: PlanDeliveries

    async def CheckSends(
        self, request: pb.CheckSendsRequest, context: Context
    ) -> pb.CheckSendsResponse:
        """See the contract."""
        checks = [check_from_proto(message) for message in request.checks]
        results = await self.check_sends(checks)
        return pb.CheckSendsResponse(results=results_to_proto(results))

    async def PlanDeliveries(
        self, request: pb.PlanDeliveriesRequest, context: Context
    ) -> pb.PlanDeliveriesResponse:
        """See the contract."""
        tasks = [task_from_proto(message) for message in request.tasks]
        plans = await self.plan_deliveries(tasks)
        return pb.PlanDeliveriesResponse(plans=[plan_to_proto(plan) for plan in plans])
