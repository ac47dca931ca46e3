"""InboxDeliveryService, for dispatch."""

from __future__ import annotations

from dataclasses import dataclass

from libs.rpc.pipeline import Context
from services.inbox.usecases.deliver_batch import DeliverBatch
from services.inbox.usecases.read_receipts import ReadReceipts
from services.inbox.wire.deliveries import (
    delivery_from_proto,
    item_key_from_proto,
    receipt_to_proto,
)
from tidings.internal.inbox.v1 import inbox_delivery_service_pb2 as pb
from tidings.internal.inbox.v1.inbox_delivery_service_pb2_grpc import InboxDeliveryServiceServicer


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryServicer(InboxDeliveryServiceServicer):
    """Takes batches that may span tenants."""

    deliver_batch: DeliverBatch
    read_receipts: ReadReceipts

    async def DeliverBatch(
        self, request: pb.DeliverBatchRequest, context: Context
    ) -> pb.DeliverBatchResponse:
        """See the contract."""
        await self.deliver_batch([delivery_from_proto(message) for message in request.deliveries])
        return pb.DeliverBatchResponse()

    async def ReadReceipts(
        self, request: pb.ReadReceiptsRequest, context: Context
    ) -> pb.ReadReceiptsResponse:
        """See the contract."""
        items = [item_key_from_proto(message) for message in request.items]
        receipts = await self.read_receipts(request.tenant_id, items)
        return pb.ReadReceiptsResponse(receipts=[receipt_to_proto(receipt) for receipt in receipts])
