"""Sends and their answers on the wire, and what they are checked against."""

from __future__ import annotations

import hashlib
from datetime import UTC

from libs.clock.timestamps import timestamp
from libs.trace import Carried
from services.ingestion.domain.models import (
    Answer,
    CategoryDefaults,
    Submission,
    TemplateDescription,
)
from tidings.ingestion.v1 import ingestion_service_pb2, notification_pb2
from tidings.internal.preference.v1 import planning_service_pb2
from tidings.internal.template.v1 import rendering_service_pb2


def submission_from_proto(
    request: ingestion_service_pb2.SendNotificationRequest, *, tenant_id: str, carried: Carried
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
        traceparent=carried.traceparent,
        call=carried.call,
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
