"""Events as dispatch and inbox state them, and what a tenant sees of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from libs.clock import derive_uuid8, mint_uuid7
from libs.messaging.broker import Message
from libs.messaging.memory import MemoryBroker
from libs.messaging.topology import CHANGED, EVENTS, ITEMS_READ
from tests.integration.hosting import Hosted, api_key
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL, CHANNEL_IN_APP
from tidings.dispatch.v1.delivery_pb2 import DeliveryState
from tidings.event.v1.event_batch_pb2 import DeliveryChange, EventBatch, ItemRead
from tidings.tracking.v1.report_service_pb2 import (
    COUNT_INTERVAL_DAY,
    CountDeliveriesRequest,
    CountDeliveriesResponse,
    DeliveryRecord,
    ListDeliveriesRequest,
    ListDeliveriesResponse,
)
from tidings.tracking.v1.report_service_pb2_grpc import ReportServiceStub

SENT = DeliveryState.DELIVERY_STATE_SENT
RETRY = DeliveryState.DELIVERY_STATE_RETRY
FAILED = DeliveryState.DELIVERY_STATE_FAILED
UNKNOWN = DeliveryState.DELIVERY_STATE_UNKNOWN


# Any: fields of a protobuf message.
def change(tenant: str, number: int = 1, **fields: Any) -> DeliveryChange:
    """Returns a change of a new delivery, accepted and changed now."""
    accepted: datetime = fields.pop("accepted", datetime.now(UTC))
    changed: datetime = fields.pop("changed", datetime.now(UTC))
    notification: UUID = fields.pop("notification", None) or mint_uuid7(accepted)
    delivery: UUID = fields.pop("delivery", None) or derive_uuid8(notification, uuid4().bytes)
    values: dict[str, Any] = {
        "revision": 1,
        "recipient_id": "alice",
        "category": "order.shipped",
        "channel": CHANNEL_EMAIL,
        "template_name": "order-shipped",
        "template_version": 3,
        "state": SENT,
        "provider": "smtp",
        "attempts": 1,
        **fields,
    }
    message = DeliveryChange(
        tenant_id=tenant,
        delivery_id=delivery.bytes,
        notification_id=notification.bytes,
        change_number=number,
        **values,
    )
    message.accept_time.FromDatetime(accepted)
    message.state_time.FromDatetime(changed)
    return message


# Any: fields of a protobuf message.
def then(earlier: DeliveryChange, state: DeliveryState.ValueType, **fields: Any) -> DeliveryChange:
    """Returns the next change of a delivery."""
    later = DeliveryChange()
    later.CopyFrom(earlier)
    later.state = state
    later.change_number += 1
    later.state_time.FromDatetime(earlier.state_time.ToDatetime(UTC) + timedelta(seconds=1))
    for name, value in fields.items():
        setattr(later, name, value)
    return later


def changed(changes: Iterable[DeliveryChange]) -> bytes:
    """Returns a batch as dispatch publishes it."""
    batch = EventBatch(format=1, batch_id=uuid4().bytes)
    batch.events.add().deliveries_changed.changes.extend(changes)
    return batch.SerializeToString()


def read(tenant: str, notification: bytes, *, at: datetime | None = None) -> bytes:
    """Returns a batch as inbox publishes it."""
    item = ItemRead(tenant_id=tenant, recipient_id="alice", notification_id=notification)
    item.read_time.FromDatetime(at or datetime.now(UTC))
    batch = EventBatch(format=1, batch_id=uuid4().bytes)
    batch.events.add().items_read.items.append(item)
    return batch.SerializeToString()


async def publish(broker: MemoryBroker, body: bytes) -> None:
    """Returns when every subscriber has acknowledged it."""
    key = ITEMS_READ if EventBatch.FromString(body).events[0].HasField("items_read") else CHANGED
    await broker.publish(EVENTS, key, Message(body=body))


def in_app(tenant: str, **fields: Any) -> DeliveryChange:
    """Returns a change of an in-app delivery."""
    return change(tenant, channel=CHANNEL_IN_APP, provider="inbox", **fields)


async def list_deliveries(hosted: Hosted, tenant: str, **fields: Any) -> ListDeliveriesResponse:
    """Returns a page as the tenant's backend sees it."""
    return await ReportServiceStub(hosted.public).ListDeliveries(
        ListDeliveriesRequest(**fields), metadata=api_key(tenant)
    )


async def list_all(hosted: Hosted, tenant: str, **fields: Any) -> list[DeliveryRecord]:
    """Returns all pages."""
    found: list[DeliveryRecord] = []
    token = ""
    while True:
        page = await list_deliveries(hosted, tenant, page_token=token, **fields)
        found += page.deliveries
        token = page.next_page_token
        if not token:
            return found


async def count(hosted: Hosted, tenant: str, **fields: Any) -> CountDeliveriesResponse:
    """Returns counts as the tenant's backend sees them."""
    return await ReportServiceStub(hosted.public).CountDeliveries(
        CountDeliveriesRequest(**fields), metadata=api_key(tenant)
    )


async def totals(hosted: Hosted, tenant: str) -> Counter[str]:
    """Returns the sums over the last month, by the name of the state or fact."""
    found = Counter[str]()
    for place in (await count(hosted, tenant, interval=COUNT_INTERVAL_DAY)).counts:
        for state in place.states:
            found[DeliveryState.Name(state.state).removeprefix("DELIVERY_STATE_")] += state.count
        for fact in place.facts:
            found["fact"] += fact.count
    return found


def recount(last: Sequence[DeliveryChange]) -> Counter[str]:
    """Returns what `totals` must be, by counting deliveries as their last change left them."""
    return Counter(DeliveryState.Name(c.state).removeprefix("DELIVERY_STATE_") for c in last)
