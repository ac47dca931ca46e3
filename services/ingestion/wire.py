"""Between messages and the domain of ingestion."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from libs.trace import trace_id
from services.ingestion.domain.delivery_ids import id_of_planned
from services.ingestion.domain.models import (
    Answer,
    CancelledNotification,
    CategoryDefaults,
    Fate,
    Notification,
    NotificationState,
    Plan,
    PlannedDelivery,
    StoppedDelivery,
    StoppedPlan,
    StoredNotification,
    Submission,
    TemplateDescription,
)
from tidings.common.v1.channel_pb2 import Channel
from tidings.common.v1.priority_pb2 import Priority
from tidings.dispatch.v1.delivery_pb2 import Delivery, DeliveryState
from tidings.event.v1 import delivery_batch_pb2
from tidings.event.v1.event_batch_pb2 import EventBatch
from tidings.ingestion.v1 import ingestion_service_pb2, notification_pb2
from tidings.internal.dispatch.v1 import ledger_service_pb2
from tidings.internal.preference.v1 import planning_service_pb2
from tidings.internal.template.v1 import rendering_service_pb2
from tidings.preference.v1.category_service_pb2 import Guarantee

MESSAGE_FORMAT = 1
"""Layout version of `tidings.event.v1.DeliveryBatch`."""

_STATE_OF_OUTCOME = {
    planning_service_pb2.PLAN_OUTCOME_DELIVER: NotificationState.PLANNED,
    planning_service_pb2.PLAN_OUTCOME_SUPPRESS: NotificationState.SUPPRESSED,
    planning_service_pb2.PLAN_OUTCOME_RECIPIENT_UNKNOWN: NotificationState.REJECTED,
    planning_service_pb2.PLAN_OUTCOME_CATEGORY_UNKNOWN: NotificationState.REJECTED,
}

_FATES = {
    ledger_service_pb2.DELIVERY_FATE_STOPPED: Fate.STOPPED,
    ledger_service_pb2.DELIVERY_FATE_LEFT: Fate.LEFT,
    ledger_service_pb2.DELIVERY_FATE_IN_FLIGHT: Fate.IN_FLIGHT,
}
_RESULTS = {
    Fate.STOPPED: ingestion_service_pb2.CANCELLATION_RESULT_STOPPED,
    Fate.LEFT: ingestion_service_pb2.CANCELLATION_RESULT_LEFT,
    Fate.IN_FLIGHT: ingestion_service_pb2.CANCELLATION_RESULT_IN_FLIGHT,
}


def timestamp(moment: datetime) -> Timestamp:
    """Returns an aware time as a message."""
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def submission_from_proto(
    request: ingestion_service_pb2.SendNotificationRequest, *, tenant_id: str, traceparent: str
) -> Submission:
    """Returns the request as the domain has it; its hash covers every field."""
    labels = notification_pb2.Notification(metadata=request.metadata)
    return Submission(
        tenant_id=tenant_id,
        request_id=request.request_id,
        payload_hash=hashlib.sha256(request.SerializeToString(deterministic=True)).digest(),
        recipient_id=request.recipient_id,
        category=request.category,
        template_name=request.template.name,
        template_version=request.template.version,
        variables=request.template.variables.SerializeToString(deterministic=True),
        variable_names=frozenset(request.template.variables.fields),
        channels=tuple(request.channels),
        priority=request.priority,
        metadata=labels.SerializeToString(deterministic=True),
        traceparent=traceparent,
        send_time=request.send_time.ToDatetime(UTC) if request.HasField("send_time") else None,
        ttl=request.ttl.ToTimedelta() if request.HasField("ttl") else None,
        collapse_key=request.collapse_key,
    )


def answer_to_proto(answer: Answer) -> ingestion_service_pb2.SendNotificationResponse:
    """Returns the first answer to a request; a replay says the same and that it is one."""
    return ingestion_service_pb2.SendNotificationResponse(
        notification_id=str(answer.notification_id),
        revision=answer.revision,
        state=notification_pb2.NotificationState.ValueType(answer.state.value),
        estimated_delivery_time=timestamp(answer.estimated_delivery_time),
        replayed=answer.replayed,
    )


def template_from_proto(
    message: rendering_service_pb2.TemplateDescription,
) -> TemplateDescription:
    """Returns what a send needs to know of a template."""
    return TemplateDescription(
        name_known=message.name_known,
        version=message.version,
        channels=tuple(message.channels),
        required=frozenset(v.name for v in message.variables if not v.optional),
        optional=frozenset(v.name for v in message.variables if v.optional),
    )


def category_from_proto(message: planning_service_pb2.CategoryDefaults) -> CategoryDefaults:
    """Returns a category's defaults."""
    return CategoryDefaults(
        priority=message.priority,
        ttl=message.ttl.ToTimedelta(),
        guarantee=message.guarantee,
        channels=tuple(message.channels),
        max_ttl=message.max_ttl.ToTimedelta(),
    )


def plan_task_to_proto(notification: Notification) -> planning_service_pb2.PlanTask:
    """Returns the question that preference answers with a plan."""
    return planning_service_pb2.PlanTask(
        tenant_id=notification.tenant_id,
        notification_id=notification.notification_id.bytes,
        revision=notification.revision,
        recipient_id=notification.recipient_id,
        category=notification.category,
        requested_channels=(Channel.ValueType(c) for c in notification.requested_channels),
        content_channels=(Channel.ValueType(c) for c in notification.content_channels),
        left_channels=(
            Channel.ValueType(channel)
            for channel in range(notification.left_mask.bit_length())
            if notification.left_mask >> channel & 1
        ),
    )


def plan_from_proto(message: planning_service_pb2.Plan) -> Plan:
    """Returns a plan with its document."""
    return Plan(
        state=_STATE_OF_OUTCOME[message.outcome],
        deliveries=_deliveries(message),
        document=message.SerializeToString(),
    )


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
        accept_time=timestamp(notification.accept_time),
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


def notification_to_proto(
    stored: StoredNotification, deliveries: Sequence[Delivery], *, complete: bool
) -> notification_pb2.Notification:
    """Returns a notification as readers see it."""
    message = notification_pb2.Notification()
    # The labels were stored as this very message with nothing else set.
    message.ParseFromString(stored.metadata)
    message.notification_id = str(stored.notification_id)
    message.revision = stored.revision
    message.recipient_id = stored.recipient_id
    message.category = stored.category
    message.template.name = stored.template_name
    message.template.version = stored.template_version
    message.channels.extend(Channel.ValueType(c) for c in stored.requested_channels)
    message.priority = Priority.ValueType(stored.priority)
    message.state = notification_pb2.NotificationState.ValueType(stored.state.value)
    message.accept_time.FromDatetime(stored.accept_time)
    message.expire_time.FromDatetime(stored.expire_time)
    message.collapse_key = stored.collapse_key
    if stored.send_time is not None:
        message.send_time.FromDatetime(stored.send_time)
    if stored.plan_time is not None:
        message.plan_time.FromDatetime(stored.plan_time)
    if stored.plan is not None:
        message.decisions.extend(planning_service_pb2.Plan.FromString(stored.plan).decisions)
    message.deliveries.extend(deliveries)
    message.trace_id = trace_id(stored.traceparent)
    message.timeline_complete = complete
    return message


def queued_deliveries(stored: StoredNotification, claimed: Iterable[Delivery]) -> list[Delivery]:
    """Returns the planned deliveries that the ledger does not have yet."""
    known = {delivery.delivery_id for delivery in claimed}
    queued = []
    for planned in planned_deliveries(stored.plan or b""):
        delivery_id = str(id_of_planned(stored.notification_id, stored.revision, planned))
        if delivery_id not in known:
            queued.append(
                Delivery(
                    delivery_id=delivery_id,
                    channel=Channel.ValueType(planned.channel),
                    endpoint=planned.endpoint,
                    state=DeliveryState.DELIVERY_STATE_QUEUED,
                    revision=stored.revision,
                )
            )
    return queued


def planned_deliveries(plan: bytes) -> tuple[PlannedDelivery, ...]:
    """Returns the deliveries of a stored plan."""
    return _deliveries(planning_service_pb2.Plan.FromString(plan))


def _deliveries(plan: planning_service_pb2.Plan) -> tuple[PlannedDelivery, ...]:
    return tuple(
        PlannedDelivery(channel=d.channel, endpoint=d.endpoint, locale=d.locale)
        for d in plan.deliveries
    )


def delivery_to_cancel_to_proto(
    plan: StoppedPlan, planned: PlannedDelivery, delivery_id: UUID
) -> ledger_service_pb2.DeliveryToCancel:
    """Returns what dispatch is asked to stop."""
    return ledger_service_pb2.DeliveryToCancel(
        delivery_id=delivery_id.bytes,
        tenant_id=plan.tenant_id,
        notification_id=plan.notification_id.bytes,
        revision=plan.revision,
        channel=Channel.ValueType(planned.channel),
        endpoint=planned.endpoint,
        expire_time=timestamp(plan.expire_time),
    )


def fate_from_proto(fate: ledger_service_pb2.DeliveryFate.ValueType) -> Fate:
    """Returns a fate; what is not known may still leave."""
    return _FATES.get(fate, Fate.IN_FLIGHT)


def cancellation_to_proto(
    cancelled: CancelledNotification, deliveries: Sequence[StoppedDelivery]
) -> ingestion_service_pb2.CancelNotificationResponse:
    """Returns the answer to a cancellation."""
    return ingestion_service_pb2.CancelNotificationResponse(
        notification_id=str(cancelled.notification_id),
        revision=cancelled.revision,
        state=notification_pb2.NotificationState.ValueType(cancelled.state.value),
        deliveries=(
            ingestion_service_pb2.CancelledDelivery(
                delivery_id=str(delivery.delivery_id),
                channel=Channel.ValueType(delivery.channel),
                result=_RESULTS[delivery.fate],
            )
            for delivery in deliveries
        ),
    )


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
