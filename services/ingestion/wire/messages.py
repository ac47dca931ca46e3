"""What travels on the broker: work for dispatchers, facts from them."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from google.protobuf.message import DecodeError

from libs.trace import is_sampled
from services.ingestion.domain.models import (
    Notification,
    PlannedDelivery,
)
from services.ingestion.wire.times import timestamp
from tidings.common.v1.channel_pb2 import Channel
from tidings.common.v1.priority_pb2 import Priority
from tidings.event.v1 import delivery_batch_pb2
from tidings.event.v1.event_batch_pb2 import EventBatch
from tidings.preference.v1.category_service_pb2 import Guarantee

MESSAGE_FORMAT = 1
"""Layout version of `tidings.event.v1.DeliveryBatch`."""


def delivery_task_to_proto(
    notification: Notification, delivery: PlannedDelivery, delivery_id: UUID
) -> delivery_batch_pb2.DeliveryTask:
    """Returns all that a dispatcher needs for one delivery."""
    return delivery_batch_pb2.DeliveryTask(
        delivery_id=delivery_id.bytes,
        notification_id=notification.notification_id.bytes,
        revision=notification.revision,
        recipient_id=notification.recipient_id,
        category=notification.category,
        endpoint=delivery.endpoint,
        locale=delivery.locale,
        template_name=notification.template_name,
        template_version=notification.template_version,
        variables=notification.variables,
        guarantee=Guarantee.ValueType(notification.guarantee),
        accept_time=timestamp(notification.send_time or notification.accept_time),
        expire_time=timestamp(notification.expire_time),
        traceparent=notification.traceparent,
    )


def delivery_batch_to_proto(
    outbox_id: UUID,
    tenant_id: str,
    channel: int,
    priority: int,
    tasks: Iterable[delivery_batch_pb2.DeliveryTask],
) -> bytes:
    """Returns a message for dispatchers."""
    return delivery_batch_pb2.DeliveryBatch(
        format=MESSAGE_FORMAT,
        outbox_id=outbox_id.bytes,
        tenant_id=tenant_id,
        channel=Channel.ValueType(channel),
        priority=Priority.ValueType(priority),
        tasks=tasks,
    ).SerializeToString()


def traced_in(body: bytes) -> tuple[tuple[str, ...], int]:
    """Returns the trace contexts of those in a message that are traced, and how many it brings."""
    tasks = delivery_batch_pb2.DeliveryBatch.FromString(body).tasks
    return tuple(task.traceparent for task in tasks if is_sampled(task.traceparent)), len(tasks)


def claimed_outbox_ids(body: bytes) -> list[UUID]:
    """Returns the outbox rows that an event batch says are claimed; ValueError for other bytes."""
    try:
        batch = EventBatch.FromString(body)
    except DecodeError as error:
        raise ValueError("not an event batch") from error
    return [
        UUID(bytes=event.deliveries_claimed.outbox_id)
        for event in batch.events
        if event.HasField("deliveries_claimed")
    ]
