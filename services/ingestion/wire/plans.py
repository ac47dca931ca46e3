"""Plans on the wire: asked for, stored, read again."""

from __future__ import annotations

from services.ingestion.domain.models import (
    Notification,
    NotificationState,
    Plan,
    PlannedDelivery,
)
from tidings.common.v1.channel_pb2 import Channel
from tidings.internal.preference.v1 import planning_service_pb2

_STATE_OF_OUTCOME = {
    planning_service_pb2.PLAN_OUTCOME_DELIVER: NotificationState.PLANNED,
    planning_service_pb2.PLAN_OUTCOME_SUPPRESS: NotificationState.SUPPRESSED,
    planning_service_pb2.PLAN_OUTCOME_RECIPIENT_UNKNOWN: NotificationState.REJECTED,
    planning_service_pb2.PLAN_OUTCOME_CATEGORY_UNKNOWN: NotificationState.REJECTED,
}


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


def planned_deliveries(plan: bytes) -> tuple[PlannedDelivery, ...]:
    """Returns the deliveries of a stored plan."""
    return _deliveries(planning_service_pb2.Plan.FromString(plan))


def _deliveries(plan: planning_service_pb2.Plan) -> tuple[PlannedDelivery, ...]:
    return tuple(
        PlannedDelivery(channel=d.channel, endpoint=d.endpoint, locale=d.locale)
        for d in plan.deliveries
    )
