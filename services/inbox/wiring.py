"""Puts inbox together."""

from __future__ import annotations

from contextlib import AsyncExitStack

from libs.events import EventOutbox
from libs.postgres.migrations import migrate
from libs.postgres.pool import open_pool
from libs.runtime.host import Host
from services.inbox.config import Settings
from services.inbox.domain.frames import ClosingReason
from services.inbox.entrypoints.deliveries import DeliveryServicer
from services.inbox.entrypoints.hint_listener import HintListener
from services.inbox.entrypoints.inbox import InboxServicer
from services.inbox.entrypoints.streams import StreamServicer
from services.inbox.store.deliveries import DeliveryStore
from services.inbox.store.feed import FeedReader
from services.inbox.store.hints import HintChannel
from services.inbox.store.items import ItemStore
from services.inbox.usecases import tell
from services.inbox.usecases.check_heads import CheckHeads
from services.inbox.usecases.deliver_batch import DeliverBatch
from services.inbox.usecases.follow_inbox import FollowInbox
from services.inbox.usecases.hub import Hub
from services.inbox.usecases.list_items import ListItems
from services.inbox.usecases.mark_read import MarkRead
from services.inbox.usecases.read_receipts import ReadReceipts
from services.inbox.usecases.record_stream_writes import StreamWriteRecorder
from services.inbox.usecases.send_hints import HintSender
from tidings.inbox.v1 import inbox_service_pb2, inbox_stream_service_pb2
from tidings.inbox.v1.inbox_service_pb2_grpc import add_InboxServiceServicer_to_server
from tidings.inbox.v1.inbox_stream_service_pb2_grpc import add_InboxStreamServiceServicer_to_server
from tidings.internal.inbox.v1 import inbox_delivery_service_pb2
from tidings.internal.inbox.v1.inbox_delivery_service_pb2_grpc import (
    add_InboxDeliveryServiceServicer_to_server,
)


async def open_service(stack: AsyncExitStack, host: Host) -> None:
    """Adds inbox to a host."""
    settings = Settings.from_environ(host.environ)
    pool = await stack.enter_async_context(open_pool(host.database_url, application="inbox"))
    await migrate(pool, package="services.inbox", schema="inbox")

    events = await stack.enter_async_context(
        EventOutbox(pool, schema="inbox", broker=host.broker, interval=settings.event_interval)
    )
    if host.sole:
        await events.make_all_due()
    reader = await stack.enter_async_context(
        FeedReader(pool, most_waiting=settings.streams.most_streams)
    )
    deliveries = DeliveryStore(pool)
    channel = HintChannel(host.redis)
    hub = Hub(most_streams=settings.streams.most_streams)
    hints = HintSender(channel)
    recorder = StreamWriteRecorder(deliveries, host.clock)
    tell.watch_streams(hub)

    host.internal.add(
        add_InboxDeliveryServiceServicer_to_server,
        DeliveryServicer(
            deliver_batch=DeliverBatch(deliveries, hints),
            read_receipts=ReadReceipts(deliveries),
        ),
        inbox_delivery_service_pb2.DESCRIPTOR.services_by_name["InboxDeliveryService"],
    )
    host.public.add(
        add_InboxServiceServicer_to_server,
        InboxServicer(
            list_items=ListItems(reader), mark_read=MarkRead(ItemStore(pool, events), hints)
        ),
        inbox_service_pb2.DESCRIPTOR.services_by_name["InboxService"],
    )
    host.public.add(
        add_InboxStreamServiceServicer_to_server,
        StreamServicer(
            follow_inbox=FollowInbox(
                hub=hub,
                reader=reader,
                hints=hints,
                recorder=recorder,
                limits=settings.streams,
                clock=host.clock,
            )
        ),
        inbox_stream_service_pb2.DESCRIPTOR.services_by_name["InboxStreamService"],
    )

    listener = HintListener(
        channel, hub, CheckHeads(hub, reader), poll_interval=settings.poll_interval
    )

    async def say_goodbye() -> None:
        await host.draining.wait()
        hub.close_all(ClosingReason.SHUTDOWN)

    host.loops.add("inbox_hints_out", hints.run)
    host.loops.add("inbox_hints_in", listener.listen)
    host.loops.add("inbox_poll", listener.poll)
    host.loops.add("inbox_goodbye", say_goodbye)
    host.loops.add_periodic("inbox_receipts", recorder.flush, every=settings.receipt_interval)
    host.loops.add_periodic("inbox_events", events.sweep, every=settings.event_interval)
    stack.push_async_callback(recorder.close)
    stack.push_async_callback(hints.flush)
