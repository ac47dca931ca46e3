"""Categories on the wire."""

from __future__ import annotations

from services.preference.domain.models import (
    DEFAULT_TTL,
    Category,
    CategoryDefinition,
    Guarantee,
    Priority,
)
from services.preference.wire.enums import (
    CHANNEL_FROM_PROTO,
    CHANNEL_TO_PROTO,
    CLASS_FROM_PROTO,
    CLASS_TO_PROTO,
    GUARANTEE_FROM_PROTO,
    GUARANTEE_TO_PROTO,
    PRIORITY_FROM_PROTO,
    PRIORITY_TO_PROTO,
)
from tidings.preference.v1 import category_service_pb2 as pb


def definition_from_proto(message: pb.Category) -> CategoryDefinition:
    """Reads a category; what is left unspecified gets its documented default."""
    return CategoryDefinition(
        name=message.name,
        category_class=CLASS_FROM_PROTO[getattr(message, "class")],
        channels=tuple(CHANNEL_FROM_PROTO[channel] for channel in message.channels),
        priority=PRIORITY_FROM_PROTO[message.priority] if message.priority else Priority.NORMAL,
        ttl=message.ttl.ToTimedelta() if message.HasField("ttl") else DEFAULT_TTL,
        guarantee=(
            GUARANTEE_FROM_PROTO[message.guarantee]
            if message.guarantee
            else Guarantee.AT_LEAST_ONCE
        ),
    )


def category_to_proto(category: Category) -> pb.Category:
    """Writes a stored category."""
    definition = category.definition
    message = pb.Category(
        name=definition.name,
        channels=[CHANNEL_TO_PROTO[channel] for channel in definition.channels],
        priority=PRIORITY_TO_PROTO[definition.priority],
        guarantee=GUARANTEE_TO_PROTO[definition.guarantee],
    )
    # The field's name is a keyword of Python.
    setattr(message, "class", CLASS_TO_PROTO[definition.category_class])
    message.ttl.FromTimedelta(definition.ttl)
    message.create_time.FromDatetime(category.create_time)
    message.update_time.FromDatetime(category.update_time)
    return message
