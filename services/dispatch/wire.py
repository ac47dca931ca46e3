"""Between messages and the domain of dispatch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from libs.clock import derive_uuid8, uuid_of
from libs.clock.timestamps import moment_of, timestamp
from libs.events import Event
from libs.messaging.topology import CHANGED, CLAIMED
from services.dispatch.domain.models import (
    Attempt,
    ClaimedDelivery,
    DeliveryBatch,
    DeliveryState,
    DeliveryTask,
    DeliveryToCancel,
    GoneEndpoint,
)
from tidings.common.v1.channel_pb2 import Channel
from tidings.dispatch.v1 import dead_letter_service_pb2, delivery_pb2, webhook_service_pb2
from tidings.event.v1 import delivery_batch_pb2, event_batch_pb2
from tidings.internal.dispatch.v1.ledger_service_pb2 import (
    AttemptLog,
    LedgerEntry,
    RestateDeliveriesResponse,
)
from tidings.internal.dispatch.v1.ledger_service_pb2 import (
    DeliveryToCancel as DeliveryToCancelMessage,
)
from tidings.internal.inbox.v1.inbox_delivery_service_pb2 import InboxDelivery
from tidings.internal.preference.v1.endpoint_service_pb2 import (
    GoneEndpoint as GoneEndpointMessage,
)
from tidings.internal.template.v1.rendering_service_pb2 import RenderBatchRequest
from tidings.template.v1.content_pb2 import InAppContent

_FORMATS = frozenset({1})
_EVENT_FORMAT = 1
_WORDS = 500
_STATED = frozenset(DeliveryState) - {
    DeliveryState.CLAIMED,
    DeliveryState.SENDING,
    DeliveryState.WAITING,
}
"""States that others are told of; in the rest a delivery is on its way."""
_ENDS = _STATED - {DeliveryState.RETRY, DeliveryState.PARKED}
"""Where a delivery stays; UNKNOWN only without a due time."""


def delivery_batch_from_bytes(body: bytes) -> DeliveryBatch:
    """Returns the work a message brings; ValueError when it cannot be read."""
    try:
        message = delivery_batch_pb2.DeliveryBatch.FromString(body)
    except DecodeError as error:
        raise ValueError("not a delivery batch") from error
    if message.format not in _FORMATS:
        raise ValueError(f"delivery batch of unknown format {message.format}")
    return DeliveryBatch(
        outbox_id=uuid_of(message.outbox_id),
        tenant_id=message.tenant_id,
        channel=message.channel,
        priority=message.priority,
        tasks=tuple(_task_from_proto(task) for task in message.tasks),
        publication=message.publication,
    )


def _task_from_proto(task: delivery_batch_pb2.DeliveryTask) -> DeliveryTask:
    return DeliveryTask(
        delivery_id=uuid_of(task.delivery_id),
        notification_id=uuid_of(task.notification_id),
        revision=task.revision,
        recipient_id=task.recipient_id,
        category=task.category,
        endpoint=task.endpoint,
        locale=task.locale,
        template_name=task.template_name,
        template_version=task.template_version,
        variables=task.variables,
        guarantee=task.guarantee,
        accept_time=moment_of(task.accept_time),
        expire_time=moment_of(task.expire_time),
        traceparent=task.traceparent,
    )


def claimed_event(outbox_id: UUID, *, now: datetime, publication: int = 0) -> Event:
    """Returns the fact that an outbox row's deliveries are claimed, under an id derived from it."""
    batch_id = derive_uuid8(outbox_id, hashlib.sha256(b"claimed" + outbox_id.bytes).digest())
    batch = event_batch_pb2.EventBatch(
        format=_EVENT_FORMAT, batch_id=batch_id.bytes, record_time=timestamp(now)
    )
    claimed = batch.events.add().deliveries_claimed
    claimed.outbox_id, claimed.publication = outbox_id.bytes, publication
    return Event(batch_id, CLAIMED, batch.SerializeToString())


def changed_event(rows: Sequence[asyncpg.Record]) -> Event | None:
    """Returns what the rows of a `change` state; None when nothing of it is for others to know."""
    stated = [row for row in rows if row["state"] in _STATED]
    if not stated:
        return None
    record_time = timestamp(max(row["change_time"] for row in stated))
    digest = hashlib.sha256()
    for row in stated:
        digest.update(row["delivery_id"].bytes + row["change_number"].to_bytes(8, "big"))
    batch_id = derive_uuid8(stated[0]["delivery_id"], digest.digest())
    batch = event_batch_pb2.EventBatch(
        format=_EVENT_FORMAT, batch_id=batch_id.bytes, record_time=record_time
    )
    _state(stated, batch.events.add().deliveries_changed.changes.add)
    return Event(batch_id, CHANGED, batch.SerializeToString())


def restated(rows: Sequence[asyncpg.Record]) -> RestateDeliveriesResponse:
    """Returns rows of the ledger as the last events told them; those in hand will be told of."""
    response = RestateDeliveriesResponse()
    _state([row for row in rows if row["state"] in _STATED], response.changes.add)
    return response


def _state(
    rows: Sequence[asyncpg.Record], add: Callable[..., event_batch_pb2.DeliveryChange]
) -> None:
    # Those of one call have one log, and those of one statement one time.
    providers = {log: _last_provider(log) for log in {row["attempt_log"] for row in rows}}
    moment, state_time = None, None
    for row in rows:
        if row["change_time"] != moment:
            moment = row["change_time"]
            state_time = timestamp(moment)
        add(
            tenant_id=row["tenant_id"],
            delivery_id=row["delivery_id"].bytes,
            notification_id=row["notification_id"].bytes,
            revision=row["revision"],
            recipient_id=row["recipient_id"],
            category=row["category"],
            channel=row["channel"],
            template_name=row["template_name"],
            template_version=row["template_version"],
            state=row["state"],
            provider=providers[row["attempt_log"]],
            attempts=row["attempts"],
            accept_time=timestamp(row["accept_time"]),
            state_time=state_time,
            change_number=row["change_number"],
        )


def _last_provider(log: bytes) -> str:
    """Returns who was asked last, as far as a process lived to tell."""
    for attempt in reversed(AttemptLog.FromString(log).attempts):
        if attempt.provider:
            return attempt.provider
    return ""


def render_batch_to_proto(deliveries: Iterable[ClaimedDelivery]) -> RenderBatchRequest:
    """Returns what template is asked to render."""
    request = RenderBatchRequest()
    add = request.tasks.add
    for delivery in deliveries:
        task = delivery.task
        # Filled in place: messages that are made apart would be copied.
        message = add(channel=Channel.ValueType(delivery.channel), variables=task.variables)
        template = message.template
        template.tenant_id = delivery.tenant_id
        template.name = task.template_name
        template.version = task.template_version
    return request


def inbox_delivery_to_proto(delivery: ClaimedDelivery, content: InAppContent) -> InboxDelivery:
    """Returns what inbox is asked to write."""
    task = delivery.task
    return InboxDelivery(
        tenant_id=delivery.tenant_id,
        recipient_id=task.recipient_id,
        notification_id=task.notification_id.bytes,
        revision=task.revision,
        category=task.category,
        content=content,
        traceparent=task.traceparent,
        accept_time=timestamp(task.accept_time),
    )


def gone_endpoint_to_proto(endpoint: GoneEndpoint) -> GoneEndpointMessage:
    """Returns an endpoint that is gone as preference is told of it."""
    return GoneEndpointMessage(
        tenant_id=endpoint.tenant_id,
        recipient_id=endpoint.recipient_id,
        channel=Channel.ValueType(endpoint.channel),
        endpoint=endpoint.endpoint,
        call_time=timestamp(endpoint.call_time),
    )


def attempt_log(number: int, attempt: Attempt) -> bytes:
    """Returns what the attempt adds to the delivery's log."""
    entry = delivery_pb2.Attempt(
        number=number,
        provider=attempt.provider,
        start_time=timestamp(attempt.start_time),
        finish_time=timestamp(attempt.finish_time),
        outcome=delivery_pb2.AttemptOutcome.ValueType(attempt.outcome.value),
        response=attempt.response[:_WORDS],
        provider_message_id=attempt.provider_message_id,
    )
    return AttemptLog(attempts=[entry]).SerializeToString()


def ledger_entry_to_proto(
    row: asyncpg.Record, stream_write_times: Mapping[UUID, Timestamp]
) -> LedgerEntry:
    """Returns a ledger row as readers see it."""
    delivery = delivery_pb2.Delivery(
        delivery_id=str(row["delivery_id"]),
        channel=row["channel"],
        endpoint=row["endpoint"],
        state=row["state"],
        detail=row["detail"],
        revision=row["revision"],
        claim_time=timestamp(row["claim_time"]),
        attempts=AttemptLog.FromString(row["attempt_log"]).attempts,
    )
    if row["render_time"] is not None:
        delivery.render_time.FromDatetime(row["render_time"])
    if row["due_time"] is not None and row["state"] == DeliveryState.RETRY:
        delivery.due_time.FromDatetime(row["due_time"])
    if row["state"] in _ENDS and row["due_time"] is None:
        delivery.finish_time.FromDatetime(row["change_time"])
    if row["notification_id"] in stream_write_times:
        delivery.stream_write_time.CopyFrom(stream_write_times[row["notification_id"]])
    return LedgerEntry(notification_id=row["notification_id"].bytes, delivery=delivery)


def delivery_to_cancel_from_proto(message: DeliveryToCancelMessage) -> DeliveryToCancel:
    """Returns a delivery that ingestion wants stopped."""
    return DeliveryToCancel(
        delivery_id=uuid_of(message.delivery_id),
        tenant_id=message.tenant_id,
        notification_id=uuid_of(message.notification_id),
        revision=message.revision,
        channel=message.channel,
        endpoint=message.endpoint,
        expire_time=moment_of(message.expire_time),
        recipient_id=message.recipient_id,
        category=message.category,
        template_name=message.template_name,
        template_version=message.template_version,
        accept_time=moment_of(message.accept_time),
    )


def dead_letter_to_proto(row: asyncpg.Record) -> dead_letter_service_pb2.DeadLetter:
    """Returns a dead letter as it may be listed: without its content."""
    letter = dead_letter_service_pb2.DeadLetter(
        dead_letter_id=str(row["dead_letter_id"]),
        reason=row["reason"],
        detail=row["detail"],
        channel=row["channel"],
        body_size=row["body_size"],
        create_time=timestamp(row["create_time"]),
    )
    if row["delivery_id"] is not None:
        letter.delivery_id = str(row["delivery_id"])
        letter.notification_id = str(row["notification_id"])
    return letter


def webhook_secret_to_proto(
    secret: str, expire_time: datetime | None
) -> webhook_service_pb2.WebhookSecret:
    """Returns a secret as its receiver is told."""
    message = webhook_service_pb2.WebhookSecret(secret=secret)
    if expire_time is not None:
        message.expire_time.FromDatetime(expire_time)
    return message
