"""RenderingService, for ingestion and dispatch."""

from __future__ import annotations

from dataclasses import dataclass

from libs.rpc.pipeline import Context
from services.template.domain.errors import BatchTooLarge
from services.template.usecases.describe_templates import DescribeTemplates
from services.template.usecases.render_batch import RenderBatch
from services.template.wire.rendering import (
    description_to_proto,
    key_from_proto,
    results_to_proto,
    tasks_from_proto,
)
from tidings.internal.template.v1 import rendering_service_pb2 as pb
from tidings.internal.template.v1.rendering_service_pb2_grpc import RenderingServiceServicer

_MAX_TASKS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderingServicer(RenderingServiceServicer):
    """Describes and renders in batches that may span tenants."""

    describe_templates: DescribeTemplates
    render_batch: RenderBatch

    async def DescribeTemplates(
        self, request: pb.DescribeTemplatesRequest, context: Context
    ) -> pb.DescribeTemplatesResponse:
        """See the contract."""
        keys = [key_from_proto(reference) for reference in request.templates]
        descriptions = await self.describe_templates(keys)
        return pb.DescribeTemplatesResponse(
            descriptions=[description_to_proto(description) for description in descriptions]
        )

    async def RenderBatch(
        self, request: pb.RenderBatchRequest, context: Context
    ) -> pb.RenderBatchResponse:
        """See the contract."""
        # Before those that are alike become one.
        if len(request.tasks) > _MAX_TASKS:
            raise BatchTooLarge("tasks", _MAX_TASKS)
        tasks, places = tasks_from_proto(request)
        results = await self.render_batch(tasks)
        return results_to_proto(results, places)
