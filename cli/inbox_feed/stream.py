"""One call of Subscribe, read frame by frame under a watch for silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

import grpc

from cli.inbox_feed.loss import Lost
from tidings.inbox.v1.inbox_stream_service_pb2 import SubscribeRequest, SubscribeResponse

if TYPE_CHECKING:
    from tidings.inbox.v1.inbox_stream_service_pb2_grpc import InboxStreamServiceAsyncStub

_MISSED_HEARTBEATS = 3

_Call = grpc.aio.UnaryStreamCall[SubscribeRequest, SubscribeResponse]


class Stream:
    """An open call. Reading raises Lost at its end and AioRpcError when it fails."""

    def __init__(self, call: _Call, opening_timeout: float) -> None:
        self._call = call
        self._silence = opening_timeout

    async def read(self) -> SubscribeResponse:
        """Returns the next frame; the first one says how much silence is too much."""
        try:
            async with asyncio.timeout(self._silence):
                frame = await self._call.read()
        except TimeoutError:
            raise Lost(f"nothing was heard for {self._silence:g} s") from None
        if frame is grpc.aio.EOF:
            raise Lost("the server ended the stream")
        response = cast(SubscribeResponse, frame)
        if response.HasField("opened"):
            interval = response.opened.heartbeat_interval.ToTimedelta().total_seconds()
            self._silence = _MISSED_HEARTBEATS * interval or self._silence
        return response


@asynccontextmanager
async def open_stream(
    stub: InboxStreamServiceAsyncStub, request: SubscribeRequest, token: str, *, within: float
) -> AsyncIterator[Stream]:
    """Calls Subscribe; the first frame must come `within` seconds."""
    call = stub.Subscribe(request, metadata=[("authorization", f"Bearer {token}")])
    try:
        yield Stream(call, within)
    finally:
        # An abandoned call is never collected; it would run until its channel closes.
        call.cancel()
