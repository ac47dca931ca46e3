"""Notifications as readers see them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from libs.trace import trace_id
from services.ingestion.domain.delivery_ids import id_of_planned
from services.ingestion.domain.models import (
    StoredNotification,
)
from services.ingestion.wire.plans import planned_deliveries
from tidings.common.v1.channel_pb2 import Channel
from tidings.common.v1.priority_pb2 import Priority
from tidings.dispatch.v1.delivery_pb2 import Delivery, DeliveryState
from tidings.ingestion.v1 import notification_pb2
from tidings.internal.preference.v1 import planning_service_pb2
from tidings.tracking.v1.fact_pb2 import Fact


def notification_to_proto(
    stored: StoredNotification,
    *,
    deliveries: Sequence[Delivery] = (),
    facts: Sequence[Fact] = (),
    complete: bool = False,
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
    message.facts.extend(facts)
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
