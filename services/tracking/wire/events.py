"""Events as subscribers read them."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.message import DecodeError

from libs.clock import uuid_of
from libs.clock.timestamps import moment_of
from services.tracking.domain.models import IN_APP, READ, Delivery, Fact, Stated
from tidings.event.v1.event_batch_pb2 import (
    DeliveriesChanged,
    DeliveryChange,
    EventBatch,
    ItemsRead,
)

_FORMATS = frozenset({1})
_INBOX = "inbox"


def stated_from_bytes(body: bytes) -> Stated:
    """Returns what an event batch states; ValueError when it cannot be read."""
    try:
        batch = EventBatch.FromString(body)
    except DecodeError as error:
        raise ValueError("not an event batch") from error
    if batch.format not in _FORMATS:
        raise ValueError(f"event batch of unknown format {batch.format}")
    return Stated(
        deliveries=tuple(
            delivery for event in batch.events for delivery in _deliveries(event.deliveries_changed)
        ),
        facts=tuple(fact for event in batch.events for fact in _facts(event.items_read)),
    )


def _deliveries(changed: DeliveriesChanged) -> Iterator[Delivery]:
    return map(delivery_from_proto, changed.changes)


def delivery_from_proto(change: DeliveryChange) -> Delivery:
    """Returns a delivery as a change left it; ValueError when it cannot be read."""
    return Delivery(
        uuid_of(change.delivery_id),
        change.tenant_id,
        uuid_of(change.notification_id),
        change.revision,
        change.recipient_id,
        change.category,
        change.channel,
        change.template_name,
        change.template_version,
        change.state,
        change.provider,
        change.attempts,
        moment_of(change.accept_time),
        moment_of(change.state_time),
        change.change_number,
    )


def _facts(items_read: ItemsRead) -> Iterator[Fact]:
    for item in items_read.items:
        yield Fact(
            tenant_id=item.tenant_id,
            notification_id=uuid_of(item.notification_id),
            channel=IN_APP,
            type=READ,
            source=_INBOX,
            time=moment_of(item.read_time),
        )
