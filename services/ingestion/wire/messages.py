"""What travels on the broker: work for dispatchers, facts from them."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from google.protobuf.message import DecodeError

from libs.clock import uuid_of
from libs.clock.timestamps import timestamp
from libs.trace import is_sampled
from services.ingestion.domain.models import (
    Notification,
    PlannedDelivery,
)
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


def traced_in(body: bytes) -> tuple[str, ...]:
    """Returns the trace contexts of those in a message that are traced."""
    tasks = delivery_batch_pb2.DeliveryBatch.FromString(body).tasks
    return tuple(task.traceparent for task in tasks if is_sampled(task.traceparent))


def numbered_copy(payload: bytes, publication: int) -> bytes:
    """Returns a message with the number of its copy: what is appended to a message is merged into it."""
    return payload + delivery_batch_pb2.DeliveryBatch(publication=publication).SerializeToString()


def claimed_publications(body: bytes) -> dict[UUID, int]:
    """Returns the outbox rows that an event batch says are claimed, each with the number of the copy;
    ValueError for other bytes."""
    try:
        batch = EventBatch.FromString(body)
    except DecodeError as error:
        raise ValueError("not an event batch") from error
    claims = [e.deliveries_claimed for e in batch.events if e.HasField("deliveries_claimed")]
    return {uuid_of(claim.outbox_id): claim.publication for claim in claims}
