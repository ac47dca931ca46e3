"""The subscription itself: one stream after another, each where the last one was lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import grpc

from cli.inbox_feed.backoff import Backoff
from cli.inbox_feed.credential import Credential
from cli.inbox_feed.events import (
    AttemptFailed,
    Connected,
    Disconnected,
    FeedEvent,
    TokenSource,
    TokenUnavailable,
)
from cli.inbox_feed.loss import Lost, loss_by_closing, loss_by_status
from cli.inbox_feed.position import Position
from cli.inbox_feed.start import Newest, Start
from cli.inbox_feed.stream import Stream, open_stream
from tidings.inbox.v1.inbox_stream_service_pb2 import Closing, ClosingReason, SubscribeRequest

if TYPE_CHECKING:
    from tidings.inbox.v1.inbox_stream_service_pb2_grpc import InboxStreamServiceAsyncStub

#: Goodbyes with a delay of their own do not count as failures until there are too many of them.
_PATIENCE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSettings:
    """How a subscription behaves."""

    start: Start = field(default_factory=Newest)
    device_id: str = ""
    """Stable id of this installation; a newer stream of the same one ends the older."""
    heartbeat_interval: timedelta = timedelta(seconds=15)
    """Longest silence to ask the server for; three times it, and the stream counts as lost."""
    opening_timeout: timedelta = timedelta(seconds=10)
    """Within this time a stream must open."""
    backoff: Backoff = field(default_factory=Backoff)


@asynccontextmanager
async def subscribe(
    stub: InboxStreamServiceAsyncStub, tokens: TokenSource, settings: FeedSettings
) -> AsyncIterator[InboxFeed]:
    """Opens a subscription to the inbox that the tokens are for; leaving ends its stream."""
    feed = InboxFeed(stub, tokens, settings)
    async with aclosing(feed.events):
        yield feed


class InboxFeed:
    """Iterate over it once. It ends only by FeedClosed, FeedRefused or a token source's error."""

    def __init__(
        self, stub: InboxStreamServiceAsyncStub, tokens: TokenSource, settings: FeedSettings
    ) -> None:
        self._stub = stub
        self._settings = settings
        self._credential = Credential(tokens)
        self._position = Position(settings.start)
        self._opening_timeout = settings.opening_timeout.total_seconds()
        self._failures = 0
        self.events = self._run()

    @property
    def cursor(self) -> str:
        """Where to resume after every event that was taken; empty before the first position."""
        return self._position.cursor

    def __aiter__(self) -> AsyncIterator[FeedEvent]:
        return self.events

    async def _run(self) -> AsyncGenerator[FeedEvent, None]:
        ever_connected = connected = False
        while True:
            try:
                async with aclosing(self._one_stream(again=ever_connected)) as events:
                    async for event in events:
                        connected = ever_connected = True
                        yield event
            except Lost as loss:
                wait = self._wait_after(loss)
                notice = Disconnected if connected else AttemptFailed
                connected = False
                yield notice(why=loss.why, retry_in=wait)
                await asyncio.sleep(wait)

    async def _one_stream(self, *, again: bool) -> AsyncGenerator[FeedEvent, None]:
        """Gives one stream's events; ends by raising, Lost when another one makes sense."""
        request = self._request()
        try:
            token = await self._credential.token()
            async with (
                open_stream(self._stub, request, token, within=self._opening_timeout) as stream,
                aclosing(self._read(stream, request, again=again)) as events,
            ):
                async for event in events:
                    yield event
        except TokenUnavailable as error:
            raise Lost(f"no token: {error}") from None
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNAUTHENTICATED and self._credential.refused():
                raise Lost("the token was refused", wait=0.0) from None
            raise loss_by_status(error) from None

    async def _read(
        self, stream: Stream, request: SubscribeRequest, *, again: bool
    ) -> AsyncGenerator[FeedEvent, None]:
        first = await stream.read()
        if not first.HasField("opened"):
            raise Lost("the stream does not begin as it should")
        self._credential.accepted()
        yield Connected(
            stream_id=first.opened.stream_id,
            again=again,
            resumed=first.opened.resumed if request.HasField("after_cursor") else None,
            counts=first.opened.counts,
            cursor=first.cursor,
        )
        self._position.advance(first.cursor)
        while True:
            frame = await stream.read()
            if frame.HasField("closing"):
                raise self._goodbye(frame.closing)
            self._failures = 0
            for event in self._position.apply(frame):
                yield event
            self._position.advance(frame.cursor)

    def _request(self) -> SubscribeRequest:
        request = SubscribeRequest(device_id=self._settings.device_id)
        request.heartbeat_interval.FromTimedelta(self._settings.heartbeat_interval)
        self._position.begin(request)
        return request

    def _goodbye(self, closing: Closing) -> Lost:
        if closing.reason == ClosingReason.CLOSING_REASON_CREDENTIALS_EXPIRED:
            self._credential.discard()
        return loss_by_closing(closing)

    def _wait_after(self, loss: Lost) -> float:
        self._failures += 1
        if loss.wait is None:
            wait = self._settings.backoff.wait(self._failures)
        elif self._failures > _PATIENCE:
            wait = max(loss.wait, self._settings.backoff.wait(self._failures))
        else:
            wait = loss.wait
        return max(wait, loss.least)
