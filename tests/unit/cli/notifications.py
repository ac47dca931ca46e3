"""Notifications as the server tells them, with moments in milliseconds since acceptance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from tidings.common.v1.channel_pb2 import Channel
from tidings.common.v1.priority_pb2 import Priority
from tidings.dispatch.v1.delivery_pb2 import Attempt, AttemptOutcome, Delivery, DeliveryState
from tidings.ingestion.v1.notification_pb2 import (
    AcceptedTemplate,
    Notification,
    NotificationState,
)
from tidings.preference.v1.channel_decision_pb2 import ChannelDecision, ChannelDecisionReason

ACCEPTED = datetime(2026, 10, 30, 9, 41, 3, tzinfo=UTC)


def at(milliseconds: float) -> Timestamp:
    moment = Timestamp()
    moment.FromDatetime(ACCEPTED + timedelta(milliseconds=milliseconds))
    return moment


def attempt(
    start: float,
    finish: float | None,
    outcome: AttemptOutcome.ValueType = AttemptOutcome.ATTEMPT_OUTCOME_ACCEPTED,
    *,
    number: int = 1,
    response: str = "",
) -> Attempt:
    return Attempt(
        number=number,
        provider="smtp",
        start_time=at(start),
        finish_time=None if finish is None else at(finish),
        outcome=outcome,
        response=response,
    )


def email(state: DeliveryState.ValueType, *attempts: Attempt, detail: str = "") -> Delivery:
    return Delivery(
        channel=Channel.CHANNEL_EMAIL,
        revision=1,
        endpoint="alice@example.com",
        state=state,
        detail=detail,
        claim_time=at(12),
        render_time=at(15),
        attempts=attempts,
    )


def in_app(*, written: float | None = 24) -> Delivery:
    return Delivery(
        channel=Channel.CHANNEL_IN_APP,
        revision=1,
        endpoint="alice",
        state=DeliveryState.DELIVERY_STATE_SENT,
        claim_time=at(12),
        render_time=at(14),
        finish_time=at(20),
        stream_write_time=None if written is None else at(written),
    )


def notification(
    *deliveries: Delivery,
    state: NotificationState.ValueType = NotificationState.NOTIFICATION_STATE_PLANNED,
    decisions: list[ChannelDecisionReason.ValueType] | None = None,
    planned: bool = True,
    complete: bool = True,
) -> Notification:
    return Notification(
        notification_id="01982f3e-0000-7000-8000-000000000001",
        revision=1,
        recipient_id="alice",
        category="order.shipped",
        template=AcceptedTemplate(name="order-shipped", version=3),
        priority=Priority.PRIORITY_NORMAL,
        metadata={"order": "42"},
        state=state,
        accept_time=at(0),
        plan_time=at(8) if planned else None,
        decisions=[
            ChannelDecision(channel=Channel.CHANNEL_EMAIL, reason=reason)
            for reason in decisions or []
        ],
        deliveries=deliveries,
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
        timeline_complete=complete,
    )
