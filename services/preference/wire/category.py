"""Categories on the wire."""

from __future__ import annotations

from collections.abc import Collection

from libs.rpc.masks import merge
from libs.rpc.validation import validate
from services.preference.domain.filters import CategoryFilter
from services.preference.domain.models import (
    DEFAULT_TTL,
    Category,
    CategoryClass,
    CategoryDefinition,
    Channel,
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

CHANGEABLE = ("category_class", "channels", "priority", "ttl", "guarantee")
"""Fields that an update mask may name."""


def definition_from_proto(message: pb.Category) -> CategoryDefinition:
    """Reads a category; what is left unspecified gets its documented default."""
    return CategoryDefinition(
        name=message.name,
        category_class=CLASS_FROM_PROTO[message.category_class],
        channels=tuple(CHANNEL_FROM_PROTO[channel] for channel in message.channels),
        priority=PRIORITY_FROM_PROTO[message.priority] if message.priority else Priority.NORMAL,
        ttl=message.ttl.ToTimedelta() if message.HasField("ttl") else DEFAULT_TTL,
        guarantee=(
            GUARANTEE_FROM_PROTO[message.guarantee]
            if message.guarantee
            else Guarantee.AT_LEAST_ONCE
        ),
    )


def check_patch(patch: pb.Category) -> None:
    """Raises InvalidFields when a change breaks the contract in what is no matter of its mask."""
    known = pb.Category(name="any", channels=[CHANNEL_TO_PROTO[Channel.EMAIL]])
    known.category_class = CLASS_TO_PROTO[CategoryClass.SYSTEM]
    merge(known, patch, ("name", "etag"))
    validate(pb.UpsertCategoryRequest(category=known))


def changed_definition(
    current: Category, patch: pb.Category, fields: Collection[str]
) -> CategoryDefinition:
    """Returns the definition with those fields as the patch has them; raises InvalidFields when the
    whole breaks the contract then."""
    whole = category_to_proto(current)
    merge(whole, patch, fields)
    validate(pb.UpsertCategoryRequest(category=whole))
    return definition_from_proto(whole)


def filter_from_proto(request: pb.ListCategoriesRequest) -> CategoryFilter:
    """Reads which categories a list shall show."""
    wanted = request.category_class
    return CategoryFilter(
        name_prefix=request.name_prefix,
        category_class=CLASS_FROM_PROTO[wanted] if wanted else None,
    )


def category_to_proto(category: Category) -> pb.Category:
    """Writes a stored category."""
    definition = category.definition
    message = pb.Category(
        name=definition.name,
        channels=[CHANNEL_TO_PROTO[channel] for channel in definition.channels],
        priority=PRIORITY_TO_PROTO[definition.priority],
        guarantee=GUARANTEE_TO_PROTO[definition.guarantee],
        etag=category.etag,
    )
    # The field's name is a keyword of Python.
    message.category_class = CLASS_TO_PROTO[definition.category_class]
    message.ttl.FromTimedelta(definition.ttl)
    message.create_time.FromDatetime(category.create_time)
    message.update_time.FromDatetime(category.update_time)
    return message
