"""Reads the ledger, with the inbox's receipts."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from libs.errors import DependencyUnavailable
from services.dispatch import wire
from services.dispatch.clients import Inbox
from services.dispatch.domain.models import IN_APP, DeliveryState
from services.dispatch.store.ledger_reader import LedgerReader
from tidings.internal.dispatch.v1.ledger_service_pb2 import LedgerEntry


class ReadDeliveries:
    """Without the inbox the receipts are missing; the ledger is not."""

    def __init__(self, *, ledger: LedgerReader, inbox: Inbox) -> None:
        self._ledger = ledger
        self._inbox = inbox

    async def __call__(
        self, tenant_id: str, notification_ids: Sequence[UUID]
    ) -> tuple[list[LedgerEntry], bool]:
        """Returns the deliveries of a tenant's notifications, and whether receipts may lack."""
        rows = await self._ledger.read(tenant_id, notification_ids)
        in_inbox = [
            (row["recipient_id"], row["notification_id"])
            for row in rows
            if row["channel"] == IN_APP and row["state"] == DeliveryState.SENT
        ]
        times: dict[UUID, Timestamp] = {}
        missing = False
        if in_inbox:
            try:
                times = await self._inbox.stream_write_times(tenant_id, in_inbox)
            except DependencyUnavailable:
                missing = True
        entries = [
            wire.ledger_entry_to_proto(row, times if row["channel"] == IN_APP else {})
            for row in rows
        ]
        return entries, missing
