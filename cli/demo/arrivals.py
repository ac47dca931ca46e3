"""Sends one notification and waits until it was seen to arrive on both channels."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from google.protobuf.struct_pb2 import Struct

from cli.demo.data import CATEGORY_OF_TEMPLATE, ORDER
from cli.demo.mail import Mail, find_mail
from cli.errors import CommandError
from cli.feed_errors import from_feed
from cli.inbox_feed import (
    Connected,
    FeedClosed,
    FeedRefused,
    FeedSettings,
    InboxFeed,
    ItemChanged,
    Live,
    SnapshotApplied,
    subscribe,
)
from cli.names import CHANNELS, DELIVERY_STATES, NOTIFICATION_STATES
from cli.recipient_tokens import RecipientTokens
from cli.retrying import ask_again
from cli.session import Session, open_stream_channel
from tidings.common.v1.channel_pb2 import Channel
from tidings.dispatch.v1.delivery_pb2 import Delivery, DeliveryState
from tidings.inbox.v1.inbox_item_pb2 import InboxItem
from tidings.inbox.v1.inbox_stream_service_pb2_grpc import InboxStreamServiceStub
from tidings.ingestion.v1.ingestion_service_pb2 import (
    GetNotificationRequest,
    SendNotificationRequest,
    TemplateReference,
)
from tidings.ingestion.v1.ingestion_service_pb2_grpc import IngestionServiceStub
from tidings.ingestion.v1.notification_pb2 import Notification, NotificationState

RECIPIENT = "alice"
TEMPLATE = "order-shipped"
_LOOK_EVERY = 0.1
#: The word that an item was written to a stream may come a little after the item.
_AFTERWORD_SECONDS = 3.0
_BOTH = frozenset({Channel.CHANNEL_EMAIL, Channel.CHANNEL_IN_APP})
_ENDS_WITHOUT_DELIVERY = frozenset(
    {
        NotificationState.NOTIFICATION_STATE_SUPPRESSED,
        NotificationState.NOTIFICATION_STATE_REJECTED,
        NotificationState.NOTIFICATION_STATE_EXPIRED,
    }
)
_BAD_ENDS = frozenset(
    {
        DeliveryState.DELIVERY_STATE_FAILED,
        DeliveryState.DELIVERY_STATE_UNKNOWN,
        DeliveryState.DELIVERY_STATE_EXPIRED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """What was seen."""

    notification: Notification
    item: InboxItem
    item_after: float
    """Milliseconds from sending to the item on the open stream."""
    mail: Mail | None
    """None when a mail server of the operator's has it."""


class _Seen:
    """What was seen so far, for the sentence about what was not."""

    def __init__(self) -> None:
        self.item: InboxItem | None = None
        self.notification: Notification | None = None

    @property
    def missing(self) -> str:
        deliveries = self.notification.deliveries if self.notification else ()
        words = [
            f"{CHANNELS.name(each.channel)} is {DELIVERY_STATES.name(each.state)}"
            f"{f' ({each.detail})' if each.detail else ''}"
            for each in deliveries
        ]
        if self.item is None:
            words.append("no item came down the stream")
        return "; ".join(words)


async def send_and_see(session: Session, mail_directory: Path | None, *, within: float) -> Arrivals:
    """Returns both arrivals; raises CommandError with what is missing after `within` seconds."""
    seen = _Seen()
    try:
        async with asyncio.timeout(within):
            return await _send_and_see(session, mail_directory, seen)
    except TimeoutError:
        raise CommandError(f"after {within:g} s: {seen.missing}") from None
    except (FeedClosed, FeedRefused) as error:
        raise from_feed(error, session.address) from None


async def _send_and_see(session: Session, mail_directory: Path | None, seen: _Seen) -> Arrivals:
    tokens = RecipientTokens(session, RECIPIENT)
    settings = FeedSettings(start=Live(), heartbeat_interval=timedelta(seconds=5))
    async with (
        open_stream_channel(session.address) as channel,
        subscribe(InboxStreamServiceStub(channel), tokens, settings) as feed,
    ):
        await _opened(feed)
        began = time.monotonic()
        notification_id = await _send(session)
        try:
            async with asyncio.TaskGroup() as group:
                item = group.create_task(_item(feed, notification_id, seen))
                told = group.create_task(_told(session, notification_id, seen))
        except BaseExceptionGroup as errors:
            # The other one's end followed from it.
            raise errors.exceptions[0] from None
    notification = told.result()
    return Arrivals(
        notification=notification,
        item=item.result()[0],
        item_after=(item.result()[1] - began) * 1000,
        mail=_mail(notification, mail_directory),
    )


async def _opened(feed: InboxFeed) -> None:
    async for event in feed:
        if isinstance(event, Connected):
            return


async def _send(session: Session) -> str:
    variables = Struct()
    variables.update(ORDER)
    request = SendNotificationRequest(
        request_id=str(uuid4()),
        recipient_id=RECIPIENT,
        category=CATEGORY_OF_TEMPLATE[TEMPLATE],
        template=TemplateReference(name=TEMPLATE, variables=variables),
        channels=sorted(_BOTH),
    )
    stub = IngestionServiceStub(session.plain_channel)
    response = await ask_again(session, stub.SendNotification, request, within=10)
    return response.notification_id


async def _item(feed: InboxFeed, item_id: str, seen: _Seen) -> tuple[InboxItem, float]:
    """Returns the item, and when it came."""
    async for event in feed:
        changed: tuple[InboxItem, ...] = ()
        if isinstance(event, ItemChanged):
            changed = (event.item,)
        elif isinstance(event, SnapshotApplied):
            changed = event.unseen
        for item in changed:
            if item.item_id == item_id:
                seen.item = item
                return item, time.monotonic()
    raise CommandError("the stream ended")


async def _told(session: Session, notification_id: str, seen: _Seen) -> Notification:
    """Returns the notification once both deliveries are told to the end."""
    stub = IngestionServiceStub(session.plain_channel)
    request = GetNotificationRequest(notification_id=notification_id)
    give_up: float | None = None
    while True:
        response = await ask_again(session, stub.GetNotification, request, within=10)
        notification = seen.notification = response.notification
        if _is_sent(notification):
            give_up = give_up or time.monotonic() + _AFTERWORD_SECONDS
            if _has_afterword(notification) or time.monotonic() > give_up:
                return notification
        await asyncio.sleep(_LOOK_EVERY)


def _is_sent(notification: Notification) -> bool:
    """Whether both left; raises CommandError when that will not happen any more."""
    if notification.state in _ENDS_WITHOUT_DELIVERY:
        state = NOTIFICATION_STATES.name(notification.state)
        raise CommandError(f"notification {notification.notification_id} was {state}")
    for delivery in notification.deliveries:
        if delivery.state in _BAD_ENDS:
            raise CommandError(
                f"{CHANNELS.name(delivery.channel)} delivery is"
                f" {DELIVERY_STATES.name(delivery.state)}: {delivery.detail}"
            )
    sent = {
        delivery.channel
        for delivery in notification.deliveries
        if delivery.state == DeliveryState.DELIVERY_STATE_SENT
    }
    return sent >= _BOTH


def _has_afterword(notification: Notification) -> bool:
    return all(
        delivery.HasField("stream_write_time")
        for delivery in notification.deliveries
        if delivery.channel == Channel.CHANNEL_IN_APP
    )


def _mail(notification: Notification, directory: Path | None) -> Mail | None:
    if directory is None:
        return None
    mail = find_mail(directory, email_delivery(notification))
    if mail is None:
        raise CommandError(f"the ledger says the mail was sent, but {directory} does not hold it")
    return mail


def email_delivery(notification: Notification) -> Delivery:
    """Returns the notification's delivery by mail."""
    return next(each for each in notification.deliveries if each.channel == Channel.CHANNEL_EMAIL)
