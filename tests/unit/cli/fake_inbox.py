"""An inbox server whose streams follow a script, and short ways to write its frames."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import grpc

from cli.inbox_feed import Backoff, FeedEvent, FeedSettings, InboxFeed, Start, Token, subscribe
from tidings.inbox.v1 import inbox_stream_service_pb2 as stream
from tidings.inbox.v1.inbox_item_pb2 import InboxCounts, InboxItem
from tidings.inbox.v1.inbox_stream_service_pb2_grpc import (
    InboxStreamServiceServicer,
    InboxStreamServiceStub,
    add_InboxStreamServiceServicer_to_server,
)

Frame = stream.SubscribeResponse
#: Waits until the client is gone.
HOLD = "hold"


@dataclass(frozen=True)
class Fail:
    """Ends a stream with a status."""

    code: grpc.StatusCode
    details: str = ""
    trailers: tuple[tuple[str, bytes], ...] = ()


UNAVAILABLE = Fail(grpc.StatusCode.UNAVAILABLE, "gone")


Step = Frame | Fail | str


class FakeInbox(InboxStreamServiceServicer):
    """Plays one script per stream, in order; the last one is played again for every further stream."""

    def __init__(self, *scripts: list[Step]) -> None:
        self.scripts = list(scripts)
        self.requests: list[stream.SubscribeRequest] = []
        self.tokens: list[str] = []
        self.left = asyncio.Queue[int]()
        """Numbers of the streams that have ended."""

    async def Subscribe(
        self, request: stream.SubscribeRequest, context: Any
    ) -> AsyncIterator[stream.SubscribeResponse]:
        number = len(self.requests)
        self.requests.append(request)
        metadata = dict(context.invocation_metadata())
        self.tokens.append(metadata["authorization"].removeprefix("Bearer "))
        try:
            for step in self.scripts[min(number, len(self.scripts) - 1)]:
                if isinstance(step, Fail):
                    await context.abort(step.code, step.details, step.trailers)
                elif isinstance(step, str):
                    await asyncio.Event().wait()
                else:
                    yield step
        finally:
            self.left.put_nowait(number)


@dataclass
class Listener:
    """A gRPC server with a fake inbox that can be killed and started again in its place."""

    inbox: FakeInbox
    address: str = "127.0.0.1:0"
    _server: grpc.aio.Server | None = field(default=None, repr=False)

    async def start(self) -> None:
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        add_InboxStreamServiceServicer_to_server(self.inbox, server)
        self.address = f"127.0.0.1:{server.add_insecure_port(self.address)}"
        await server.start()
        self._server = server

    async def kill(self) -> None:
        assert self._server is not None
        await self._server.stop(0)


@asynccontextmanager
async def listening(inbox: FakeInbox) -> AsyncIterator[Listener]:
    listener = Listener(inbox)
    await listener.start()
    try:
        yield listener
    finally:
        await listener.kill()


class Tokens:
    """Gives `token-1`, `token-2`, …"""

    def __init__(self) -> None:
        self.given = 0

    async def __call__(self) -> Token:
        self.given += 1
        return Token(value=f"token-{self.given}")


#: Comes back at once.
IMPATIENT = Backoff(quick=0.0, base=0.0)


@asynccontextmanager
async def feed_from(
    inbox: FakeInbox,
    *,
    start: Start | None = None,
    tokens: Any = None,
    backoff: Backoff = IMPATIENT,
) -> AsyncIterator[tuple[InboxFeed, Listener]]:
    """A subscription to a fake inbox."""
    settings = FeedSettings(
        device_id="device", backoff=backoff, opening_timeout=timedelta(seconds=5)
    )
    if start is not None:
        settings = FeedSettings(start=start, device_id="device", backoff=backoff)
    async with listening(inbox) as listener:
        options = [
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.min_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 100),
        ]
        async with (
            grpc.aio.insecure_channel(listener.address, options=options) as channel,
            subscribe(InboxStreamServiceStub(channel), tokens or Tokens(), settings) as feed,
        ):
            yield feed, listener


async def take(feed: InboxFeed, count: int) -> list[FeedEvent]:
    """Returns the next events."""
    taken: list[FeedEvent] = []
    async with asyncio.timeout(10):
        while len(taken) < count:
            taken.append(await anext(feed.events))
    return taken


def item(name: str, sequence: int, **fields: Any) -> InboxItem:
    return InboxItem(item_id=name, sequence=sequence, title=f"Title of {name}", **fields)


def opened(
    cursor: str = "", *, resumed: bool = False, heartbeat: float = 30.0, unread: int = 0
) -> Frame:
    frame = Frame(cursor=cursor)
    frame.opened.stream_id = "stream"
    frame.opened.resumed = resumed
    frame.opened.heartbeat_interval.FromTimedelta(timedelta(seconds=heartbeat))
    frame.opened.counts.unread = unread
    return frame


def added(cursor: str, *items: InboxItem) -> Frame:
    return _changes(cursor, stream.InboxChangeType.INBOX_CHANGE_TYPE_ADDED, items)


def updated(cursor: str, *items: InboxItem) -> Frame:
    return _changes(cursor, stream.InboxChangeType.INBOX_CHANGE_TYPE_UPDATED, items)


def _changes(
    cursor: str, kind: stream.InboxChangeType.ValueType, items: tuple[InboxItem, ...]
) -> Frame:
    changes = [stream.InboxChange(type=kind, item=each) for each in items]
    counts = InboxCounts(unread=len(items)) if cursor else None
    return Frame(cursor=cursor, changes=stream.InboxChanges(changes=changes, counts=counts))


def snapshot(cursor: str, *items: InboxItem, complete: bool = True) -> Frame:
    part = stream.Snapshot(items=items, complete=complete)
    if complete:
        part.counts.total = len(items)
    return Frame(cursor=cursor, snapshot=part)


def heartbeat(cursor: str) -> Frame:
    return Frame(cursor=cursor, heartbeat=stream.Heartbeat())


def resync(reason: stream.ResyncReason.ValueType) -> Frame:
    return Frame(resync_required=stream.ResyncRequired(reason=reason))


def closing(
    reason: stream.ClosingReason.ValueType, *, reconnect: bool = True, delay: float = 0.0
) -> Frame:
    frame = Frame(closing=stream.Closing(reason=reason, reconnect=reconnect))
    frame.closing.max_reconnect_delay.FromTimedelta(timedelta(seconds=delay))
    return frame
