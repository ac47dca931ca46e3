"""Clients for the tests of inbox: one that delivers, one that follows as an app does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self
from uuid import UUID, uuid4

import grpc

from libs.events import EventOutbox
from libs.messaging.memory import MemoryBroker
from libs.postgres.pool import Pool
from tests.integration.hosting import Hosted, Metadata, recipient_token
from tidings.inbox.v1 import inbox_service_pb2, inbox_stream_service_pb2
from tidings.inbox.v1.inbox_item_pb2 import InboxCounts, InboxItem
from tidings.inbox.v1.inbox_service_pb2_grpc import InboxServiceStub
from tidings.inbox.v1.inbox_stream_service_pb2 import SubscribeRequest, SubscribeResponse
from tidings.inbox.v1.inbox_stream_service_pb2_grpc import InboxStreamServiceStub
from tidings.internal.inbox.v1 import inbox_delivery_service_pb2
from tidings.internal.inbox.v1.inbox_delivery_service_pb2 import InboxDelivery
from tidings.internal.inbox.v1.inbox_delivery_service_pb2_grpc import InboxDeliveryServiceStub
from tidings.template.v1.content_pb2 import InAppContent

TENANT = "acme"
PATIENCE_S = 5.0


def delivery(
    recipient_id: str, *, item_id: UUID | None = None, revision: int = 1, body: str = ""
) -> InboxDelivery:
    """Returns a notification for an inbox."""
    name = item_id or uuid4()
    return InboxDelivery(
        tenant_id=TENANT,
        recipient_id=recipient_id,
        notification_id=name.bytes,
        revision=revision,
        category="order.shipped",
        content=InAppContent(title=f"{name} in revision {revision}", body=body),
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
    )


def open_events(pool: Pool) -> EventOutbox:
    """Returns an outbox whose events nobody takes."""
    return EventOutbox(pool, schema="inbox", broker=MemoryBroker(), interval=timedelta(hours=1))


async def deliver(hosted: Hosted, deliveries: Iterable[InboxDelivery]) -> list[str]:
    """Delivers a batch and returns the items' ids."""
    batch = list(deliveries)
    await InboxDeliveryServiceStub(hosted.internal).DeliverBatch(
        inbox_delivery_service_pb2.DeliverBatchRequest(deliveries=batch)
    )
    return [str(UUID(bytes=entry.notification_id)) for entry in batch]


async def mark_read(
    hosted: Hosted, recipient_id: str, item_ids: Sequence[str]
) -> inbox_service_pb2.MarkReadResponse:
    """Marks items as the recipient."""
    return await InboxServiceStub(hosted.public).MarkRead(
        inbox_service_pb2.MarkReadRequest(item_ids=item_ids),
        metadata=recipient_token(TENANT, recipient_id),
    )


async def list_items(
    hosted: Hosted, recipient_id: str, *, size: int = 0, token: str = "", unread_only: bool = False
) -> inbox_service_pb2.ListInboxItemsResponse:
    """Lists items as the recipient."""
    return await InboxServiceStub(hosted.public).ListInboxItems(
        inbox_service_pb2.ListInboxItemsRequest(
            page_size=size, page_token=token, unread_only=unread_only
        ),
        metadata=recipient_token(TENANT, recipient_id),
    )


@dataclass
class App:
    """What an app keeps: items, cursor and counts; and the stream it has open."""

    recipient_id: str
    items: dict[str, InboxItem] = field(default_factory=dict)
    cursor: str = ""
    counts: InboxCounts = field(default_factory=InboxCounts)
    applied: list[tuple[str, int]] = field(default_factory=list)
    """Item and sequence of every change that a cursor has confirmed."""
    added: list[str] = field(default_factory=list)
    pending: list[inbox_stream_service_pb2.InboxChange] = field(default_factory=list)
    call: grpc.aio.UnaryStreamCall[SubscribeRequest, SubscribeResponse] | None = None

    def open(
        self,
        hosted: Hosted,
        *,
        device_id: str = "",
        snapshot: int | None = None,
        metadata: Metadata | None = None,
        heartbeat: timedelta | None = None,
        channel: grpc.aio.Channel | None = None,
    ) -> Self:
        """Begins a stream: at the cursor if there is one, with a snapshot if asked, else live."""
        request = SubscribeRequest(device_id=device_id)
        if self.cursor:
            request.after_cursor = self.cursor
        elif snapshot is not None:
            request.snapshot.max_items = snapshot
        if heartbeat is not None:
            request.heartbeat_interval.FromTimedelta(heartbeat)
        self.pending.clear()
        self.call = InboxStreamServiceStub(channel or hosted.public).Subscribe(
            request, metadata=metadata or recipient_token(TENANT, self.recipient_id)
        )
        return self

    async def next(self) -> SubscribeResponse:
        """Reads and applies the next frame."""
        assert self.call is not None
        async with asyncio.timeout(PATIENCE_S):
            frame = await self.call.read()
        assert isinstance(frame, SubscribeResponse), f"the stream ended: {await self.call.code()}"
        self._apply(frame)
        return frame

    async def until(self, enough: Callable[[], bool]) -> None:
        """Reads until enough has come."""
        async with asyncio.timeout(PATIENCE_S):
            while not enough():
                await self.next()

    async def until_has(self, item_ids: Iterable[str]) -> None:
        """Reads until all these items have come."""
        wanted = set(item_ids)
        await self.until(lambda: wanted <= set(self.items))

    async def until_cursor(self) -> None:
        """Reads until there is a place to resume from."""
        await self.until(lambda: bool(self.cursor))

    async def until_unread(self, count: int) -> None:
        """Reads until so many items are unread."""
        await self.until(lambda: self.counts.unread == count)

    async def ended(self) -> grpc.StatusCode:
        """Returns the status of a stream that has ended."""
        assert self.call is not None
        async with asyncio.timeout(PATIENCE_S):
            assert await self.call.read() is grpc.aio.EOF
            return await self.call.code()

    def close(self) -> None:
        """Leaves."""
        if self.call is not None:
            self.call.cancel()

    def _apply(self, frame: SubscribeResponse) -> None:
        kind = frame.WhichOneof("frame")
        if kind == "resync_required":
            self.items.clear()
        elif kind == "snapshot":
            for item in frame.snapshot.items:
                self._keep(item)
        elif kind == "changes":
            self.pending += frame.changes.changes
        if not frame.cursor:
            return
        self.cursor = frame.cursor
        for change in self.pending:
            self._keep(change.item)
            self.applied.append((change.item.item_id, change.item.sequence))
            if change.type == inbox_stream_service_pb2.INBOX_CHANGE_TYPE_ADDED:
                self.added.append(change.item.item_id)
        self.pending.clear()
        if kind in ("opened", "snapshot", "changes"):
            self.counts = getattr(frame, str(kind)).counts

    def _keep(self, item: InboxItem) -> None:
        known = self.items.get(item.item_id)
        if known is None or known.sequence < item.sequence:
            self.items[item.item_id] = item


async def admitted(app: App, hosted: Hosted) -> App:
    """Opens a stream as soon as there is room for one."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await app.open(hosted).next()
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
                    raise
            else:
                return app
