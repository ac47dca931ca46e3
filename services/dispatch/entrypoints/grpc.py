"""`LedgerService` for the other services, `DeadLetterService` for users."""

from __future__ import annotations

from typing import Any

import grpc

from libs.clock import uuid_of
from libs.identity.caller import current_caller
from libs.paging import Page, page_from_proto, page_token_to_proto
from services.dispatch import wire
from services.dispatch.store import dead_letters
from services.dispatch.store.dead_letters import DeadLetterStore
from services.dispatch.usecases.cancel_deliveries import CancelDeliveries
from services.dispatch.usecases.read_deliveries import ReadDeliveries
from services.dispatch.usecases.restate_deliveries import RestateDeliveries
from tidings.dispatch.v1 import dead_letter_service_pb2
from tidings.dispatch.v1.dead_letter_service_pb2_grpc import (
    DeadLetterServiceServicer as DeadLetterServiceBase,
)
from tidings.internal.dispatch.v1 import ledger_service_pb2 as messages
from tidings.internal.dispatch.v1.ledger_service_pb2 import DeliveryFate
from tidings.internal.dispatch.v1.ledger_service_pb2_grpc import (
    LedgerServiceServicer as LedgerServiceBase,
)

Context = grpc.aio.ServicerContext[Any, Any]

_LISTING = "dead_letters"


class LedgerServicer(LedgerServiceBase):
    """Shows the ledger to the other services, and stops deliveries for them."""

    def __init__(
        self,
        *,
        read_deliveries: ReadDeliveries,
        cancel_deliveries: CancelDeliveries,
        restate_deliveries: RestateDeliveries,
    ) -> None:
        self._read_deliveries = read_deliveries
        self._cancel_deliveries = cancel_deliveries
        self._restate_deliveries = restate_deliveries

    async def ReadDeliveries(
        self, request: messages.ReadDeliveriesRequest, context: Context
    ) -> messages.ReadDeliveriesResponse:
        """See the contract."""
        entries, missing = await self._read_deliveries(
            request.tenant_id, [uuid_of(value) for value in request.notification_ids]
        )
        return messages.ReadDeliveriesResponse(entries=entries, receipts_missing=missing)

    async def CancelDeliveries(
        self, request: messages.CancelDeliveriesRequest, context: Context
    ) -> messages.CancelDeliveriesResponse:
        """See the contract."""
        fates = await self._cancel_deliveries(
            [wire.delivery_to_cancel_from_proto(delivery) for delivery in request.deliveries]
        )
        return messages.CancelDeliveriesResponse(
            fates=(DeliveryFate.ValueType(fate.value) for fate in fates)
        )

    async def RestateDeliveries(
        self, request: messages.RestateDeliveriesRequest, context: Context
    ) -> messages.RestateDeliveriesResponse:
        """See the contract."""
        return await self._restate_deliveries(
            after=uuid_of(request.after_delivery_id or bytes(16)),
            last=uuid_of(request.last_delivery_id) if request.last_delivery_id else None,
            limit=request.page_size,
        )


class DeadLetterServicer(DeadLetterServiceBase):
    """Lists dead letters."""

    def __init__(self, *, store: DeadLetterStore) -> None:
        self._store = store

    async def ListDeadLetters(
        self, request: dead_letter_service_pb2.ListDeadLettersRequest, context: Context
    ) -> dead_letter_service_pb2.ListDeadLettersResponse:
        """See the contract."""
        tenant_id = current_caller().tenant_id
        wanted = page_from_proto(_LISTING, tenant_id, request.page_size, request.page_token)
        rows = await self._store.list_newest(
            tenant_id,
            before=wanted.after_uuid(),
            limit=wanted.limit,
            reason=request.reason,
            channel=request.channel,
        )
        page = Page.cut_scanned(
            rows,
            wanted,
            key=lambda row: str(row["dead_letter_id"]),
            matches=lambda row: row["matches"],
            ends_scan=lambda row: row["place"] == dead_letters.SCAN,
        )
        return dead_letter_service_pb2.ListDeadLettersResponse(
            dead_letters=map(wire.dead_letter_to_proto, page.items),
            next_page_token=page_token_to_proto(_LISTING, tenant_id, page.last_key),
        )
