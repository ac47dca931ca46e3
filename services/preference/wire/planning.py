"""Checks and plans on the wire."""

from __future__ import annotations

from collections.abc import Sequence

from services.preference.domain.models import MAX_TTL, CategoryDefinition
from services.preference.domain.planning import Decision, Plan, PlannedDelivery
from services.preference.domain.tasks import PlanTask, SendCheck, SendCheckResult
from services.preference.wire.enums import (
    CHANNEL_FROM_PROTO,
    CHANNEL_TO_PROTO,
    GUARANTEE_TO_PROTO,
    OUTCOME_TO_PROTO,
    PRIORITY_TO_PROTO,
    REASON_TO_PROTO,
)
from tidings.internal.preference.v1 import planning_service_pb2 as pb
from tidings.preference.v1 import channel_decision_pb2


def check_from_proto(message: pb.SendCheck) -> SendCheck:
    """Reads a check."""
    return SendCheck(
        tenant_id=message.tenant_id, recipient_id=message.recipient_id, category=message.category
    )


def results_to_proto(results: Sequence[SendCheckResult]) -> list[pb.SendCheckResult]:
    """Writes answers; a category's defaults are written once for all that name it."""
    known = {id(result.category): result.category for result in results}
    defaults = {key: _defaults_to_proto(found) if found else None for key, found in known.items()}
    return [
        pb.SendCheckResult(
            recipient_known=result.recipient_known, category=defaults[id(result.category)]
        )
        for result in results
    ]


def task_from_proto(message: pb.PlanTask) -> PlanTask:
    """Reads a notification to plan."""
    return PlanTask(
        tenant_id=message.tenant_id,
        recipient_id=message.recipient_id,
        category=message.category,
        requested=tuple(CHANNEL_FROM_PROTO[channel] for channel in message.requested_channels),
        content=frozenset(CHANNEL_FROM_PROTO[channel] for channel in message.content_channels),
        left=frozenset(CHANNEL_FROM_PROTO[channel] for channel in message.left_channels),
    )


def plan_to_proto(plan: Plan) -> pb.Plan:
    """Writes a plan."""
    return pb.Plan(
        outcome=OUTCOME_TO_PROTO[plan.outcome],
        decisions=[_decision_to_proto(decision) for decision in plan.decisions],
        deliveries=[_delivery_to_proto(delivery) for delivery in plan.deliveries],
    )


def _defaults_to_proto(definition: CategoryDefinition) -> pb.CategoryDefaults:
    message = pb.CategoryDefaults(
        priority=PRIORITY_TO_PROTO[definition.priority],
        guarantee=GUARANTEE_TO_PROTO[definition.guarantee],
        channels=[CHANNEL_TO_PROTO[channel] for channel in definition.channels],
    )
    message.ttl.FromTimedelta(definition.ttl)
    message.max_ttl.FromTimedelta(MAX_TTL[definition.category_class])
    return message


def _decision_to_proto(decision: Decision) -> channel_decision_pb2.ChannelDecision:
    return channel_decision_pb2.ChannelDecision(
        channel=CHANNEL_TO_PROTO[decision.channel], reason=REASON_TO_PROTO[decision.reason]
    )


def _delivery_to_proto(delivery: PlannedDelivery) -> pb.PlannedDelivery:
    return pb.PlannedDelivery(
        channel=CHANNEL_TO_PROTO[delivery.channel],
        endpoint=delivery.endpoint,
        locale=delivery.locale,
    )
