"""Enums of the contracts and of the domain, paired.

A value that this build does not know raises KeyError: planning with half of what was asked would
lose notifications, while an error makes the caller wait for the newer build.
"""

from __future__ import annotations

from services.preference.domain.models import CategoryClass, Channel, Choice, Guarantee, Priority
from services.preference.domain.planning import Outcome, Reason
from tidings.common.v1 import channel_pb2, priority_pb2
from tidings.internal.preference.v1 import planning_service_pb2
from tidings.preference.v1 import category_service_pb2, channel_decision_pb2, preference_service_pb2

CHANNEL_TO_PROTO = {
    Channel.EMAIL: channel_pb2.CHANNEL_EMAIL,
    Channel.IN_APP: channel_pb2.CHANNEL_IN_APP,
    Channel.WEBHOOK: channel_pb2.CHANNEL_WEBHOOK,
}
CHANNEL_FROM_PROTO = {value: key for key, value in CHANNEL_TO_PROTO.items()}

PRIORITY_TO_PROTO = {
    Priority.LOW: priority_pb2.PRIORITY_LOW,
    Priority.NORMAL: priority_pb2.PRIORITY_NORMAL,
    Priority.HIGH: priority_pb2.PRIORITY_HIGH,
    Priority.CRITICAL: priority_pb2.PRIORITY_CRITICAL,
}
PRIORITY_FROM_PROTO = {value: key for key, value in PRIORITY_TO_PROTO.items()}

CLASS_TO_PROTO = {
    CategoryClass.TRANSACTIONAL: category_service_pb2.CATEGORY_CLASS_TRANSACTIONAL,
    CategoryClass.SYSTEM: category_service_pb2.CATEGORY_CLASS_SYSTEM,
    CategoryClass.MARKETING: category_service_pb2.CATEGORY_CLASS_MARKETING,
    CategoryClass.REMINDER: category_service_pb2.CATEGORY_CLASS_REMINDER,
}
CLASS_FROM_PROTO = {value: key for key, value in CLASS_TO_PROTO.items()}

GUARANTEE_TO_PROTO = {
    Guarantee.AT_LEAST_ONCE: category_service_pb2.GUARANTEE_AT_LEAST_ONCE,
    Guarantee.AT_MOST_ONCE: category_service_pb2.GUARANTEE_AT_MOST_ONCE,
}
GUARANTEE_FROM_PROTO = {value: key for key, value in GUARANTEE_TO_PROTO.items()}

CHOICE_TO_PROTO = {
    Choice.ENABLED: preference_service_pb2.PREFERENCE_CHOICE_ENABLED,
    Choice.DISABLED: preference_service_pb2.PREFERENCE_CHOICE_DISABLED,
}
CHOICE_FROM_PROTO = {value: key for key, value in CHOICE_TO_PROTO.items()}

REASON_TO_PROTO = {
    Reason.SELECTED: channel_decision_pb2.CHANNEL_DECISION_REASON_SELECTED,
    Reason.DISABLED_BY_RECIPIENT: (
        channel_decision_pb2.CHANNEL_DECISION_REASON_DISABLED_BY_RECIPIENT
    ),
    Reason.NO_CONTACT_POINT: channel_decision_pb2.CHANNEL_DECISION_REASON_NO_CONTACT_POINT,
    Reason.NOT_IN_TEMPLATE: channel_decision_pb2.CHANNEL_DECISION_REASON_NOT_IN_TEMPLATE,
    Reason.ALREADY_LEFT: channel_decision_pb2.CHANNEL_DECISION_REASON_ALREADY_LEFT,
    Reason.ENDPOINT_GONE: channel_decision_pb2.CHANNEL_DECISION_REASON_ENDPOINT_GONE,
}

OUTCOME_TO_PROTO = {
    Outcome.DELIVER: planning_service_pb2.PLAN_OUTCOME_DELIVER,
    Outcome.SUPPRESS: planning_service_pb2.PLAN_OUTCOME_SUPPRESS,
    Outcome.RECIPIENT_UNKNOWN: planning_service_pb2.PLAN_OUTCOME_RECIPIENT_UNKNOWN,
    Outcome.CATEGORY_UNKNOWN: planning_service_pb2.PLAN_OUTCOME_CATEGORY_UNKNOWN,
}
