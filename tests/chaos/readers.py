"""Apps that hold a recipient's stream open through everything, and resume where they were."""

from __future__ import annotations

import asyncio
import random

import grpc

from tests.support.api import Api
from tidings.inbox.v1.inbox_stream_service_pb2 import (
    InboxChanges,
    StartSnapshot,
    SubscribeRequest,
    SubscribeResponse,
)

# After these a client must not come back unchanged: a run never gives reason for one.
_FINAL = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)


class Reader:
    """One app of one recipient."""

    def __init__(self, api: Api, recipient: str) -> None:
        self.recipient = recipient
        self.items: dict[str, int] = {}
        """Number of the last change of each item, as the frames told it."""
        self.faults: list[str] = []
        """What the contract of the stream rules out."""
        self.streams = 0
        self._api = api
        self._cursor = ""

    async def run(self) -> None:
        """Reads for ever; a stream that ends is opened again after the last cursor."""
        while True:
            try:
                await self._read()
            except grpc.aio.AioRpcError as error:
                if error.code() in _FINAL:
                    self.faults.append(f"was told never to come back: {error.code().name}")
            await asyncio.sleep(random.uniform(0.05, 0.4))

    async def _read(self) -> None:
        request = SubscribeRequest(recipient_id=self.recipient, device_id="chaos")
        request.heartbeat_interval.FromSeconds(5)
        if self._cursor:
            request.after_cursor = self._cursor
        else:
            request.snapshot.CopyFrom(StartSnapshot(max_items=1000))
        self.streams += 1
        last = 0
        # A frozen peer is noticed by its silence, as the contract asks of clients.
        stream = self._api.stream.Subscribe(request, metadata=self._api.metadata)
        try:
            while True:
                async with asyncio.timeout(15):
                    frame = await stream.read()
                if not isinstance(frame, SubscribeResponse):
                    return
                last = self._apply(frame, last)
        except TimeoutError:
            return
        finally:
            stream.cancel()

    def _apply(self, frame: SubscribeResponse, last: int) -> int:
        """Takes a frame in; returns the last number seen on this stream."""
        match frame.WhichOneof("frame"):
            case "snapshot":
                self.items.update({item.item_id: item.sequence for item in frame.snapshot.items})
            case "changes":
                last = self._change(frame.changes, last)
            case "resync_required":
                self.faults.append("had to begin anew although nothing was forgotten")
                self.items.clear()
            case "opened":
                if self._cursor and not frame.opened.resumed:
                    self.faults.append("a cursor was not honoured")
        self._cursor = frame.cursor or self._cursor
        return last

    def _change(self, changes: InboxChanges, last: int) -> int:
        for change in changes.changes:
            if change.item.sequence <= last:
                self.faults.append(f"change {change.item.sequence} came after {last}")
            last = max(last, change.item.sequence)
            self.items[change.item.item_id] = last
        return last
