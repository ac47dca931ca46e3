"""Cancellations on the wire, towards dispatch and towards callers."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from libs.clock.timestamps import timestamp
from services.ingestion.domain.models import (
    CancelledNotification,
    Fate,
    PlannedDelivery,
    StoppedDelivery,
    StoppedPlan,
)
from tidings.common.v1.channel_pb2 import Channel
from tidings.ingestion.v1 import ingestion_service_pb2, notification_pb2
from tidings.internal.dispatch.v1 import ledger_service_pb2

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
        recipient_id=plan.recipient_id,
        category=plan.category,
        template_name=plan.template_name,
        template_version=plan.template_version,
        accept_time=timestamp(plan.accept_time),
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
