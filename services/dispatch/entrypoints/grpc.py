"""`LedgerService`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import grpc

from services.dispatch.usecases.read_deliveries import ReadDeliveries
from tidings.internal.dispatch.v1 import ledger_service_pb2 as messages
from tidings.internal.dispatch.v1.ledger_service_pb2_grpc import (
    LedgerServiceServicer as LedgerServiceBase,
)

Context = grpc.aio.ServicerContext[Any, Any]


class LedgerServicer(LedgerServiceBase):
    """Shows the ledger to the other services."""

    def __init__(self, *, read_deliveries: ReadDeliveries) -> None:
        self._read_deliveries = read_deliveries

    async def ReadDeliveries(
        self, request: messages.ReadDeliveriesRequest, context: Context
    ) -> messages.ReadDeliveriesResponse:
        """See the contract."""
        entries = await self._read_deliveries(
            request.tenant_id, [UUID(bytes=value) for value in request.notification_ids]
        )
        return messages.ReadDeliveriesResponse(entries=entries)
