"""RebuildService, for the operator of the cluster."""

from __future__ import annotations

from dataclasses import dataclass

from libs.rpc.pipeline import Context
from services.tracking.usecases.rebuild import ManageRebuild
from services.tracking.wire.rebuild import rebuild_to_proto
from tidings.internal.tracking.v1 import rebuild_service_pb2 as pb
from tidings.internal.tracking.v1.rebuild_service_pb2_grpc import RebuildServiceServicer


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildServicer(RebuildServiceServicer):
    """Begins rebuilds and says how far they are; a loop does the work."""

    manage: ManageRebuild

    async def StartRebuild(
        self, request: pb.StartRebuildRequest, context: Context
    ) -> pb.StartRebuildResponse:
        """See the contract."""
        rebuild = await self.manage.start(from_nothing=request.from_nothing)
        return pb.StartRebuildResponse(rebuild=rebuild_to_proto(rebuild))

    async def GetRebuild(
        self, request: pb.GetRebuildRequest, context: Context
    ) -> pb.GetRebuildResponse:
        """See the contract."""
        return pb.GetRebuildResponse(rebuild=rebuild_to_proto(await self.manage.read()))

    async def StopRebuild(
        self, request: pb.StopRebuildRequest, context: Context
    ) -> pb.StopRebuildResponse:
        """See the contract."""
        return pb.StopRebuildResponse(rebuild=rebuild_to_proto(await self.manage.stop()))
