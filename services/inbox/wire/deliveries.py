"""Deliveries and receipts on the wire."""

from __future__ import annotations

from uuid import UUID

from libs.clock import uuid_of
from libs.clock.timestamps import moment_of
from services.inbox.domain.models import Delivery, InboxKey, Receipt
from tidings.internal.inbox.v1 import inbox_delivery_service_pb2 as pb


def delivery_from_proto(message: pb.InboxDelivery) -> Delivery:
    """Reads an item to write."""
    return Delivery(
        key=InboxKey(message.tenant_id, message.recipient_id),
        item_id=uuid_of(message.notification_id),
        revision=message.revision,
        category=message.category,
        content=message.content.SerializeToString(),
        traceparent=message.traceparent,
        accept_time=(moment_of(message.accept_time) if message.HasField("accept_time") else None),
    )


def item_key_from_proto(message: pb.ItemKey) -> tuple[str, UUID]:
    """Reads the name of an item inside a tenant."""
    return message.recipient_id, uuid_of(message.notification_id)


def receipt_to_proto(receipt: Receipt) -> pb.Receipt:
    """Writes a receipt."""
    message = pb.Receipt(notification_id=receipt.item_id.bytes)
    message.stream_write_time.FromDatetime(receipt.stream_write_time)
    return message
