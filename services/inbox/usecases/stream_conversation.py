"""What one stream says: where it begins, what has changed, that nothing has."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from libs.clock import Clock
from services.inbox.domain import frames
from services.inbox.domain.listing import BEYOND_ALL
from services.inbox.domain.models import Head, Item
from services.inbox.domain.positions import Position, ResyncReason, judge
from services.inbox.domain.starts import (
    DEFAULT_SNAPSHOT_ITEMS,
    After,
    FromSnapshot,
    Live,
    Subscription,
)
from services.inbox.store.feed import PAGE_ITEMS, ChangesWanted, FeedPage, FeedReader, NewestWanted
from services.inbox.usecases import tell
from services.inbox.usecases.hub import Hub, Stream
from services.inbox.usecases.record_stream_writes import StreamWriteRecorder
from services.inbox.usecases.stream_timing import Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """The way to the client. One that does not take a frame in time is given up.

    The transport knows no way to end a call whose client does not read, so the blocked write is left
    to itself: the stream is forgotten at once, and its handler ends with the write or the connection.
    """

    stream: Stream
    hub: Hub
    timing: Timing
    send: Callable[[frames.Frame], Awaitable[None]]

    async def write(self, frame: frames.Frame) -> None:
        """Returns when the transport has taken the frame."""
        timer = asyncio.get_running_loop().call_later(self.timing.longest_write, self._give_up)
        try:
            await self.send(frame)
        finally:
            timer.cancel()
        self.timing.spoke()

    def _give_up(self) -> None:
        self.hub.detach(self.stream)
        self.stream.close(frames.ClosingReason.SLOW_CONSUMER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One stream's frames."""

    subscription: Subscription
    stream: Stream
    reader: FeedReader
    recorder: StreamWriteRecorder
    timing: Timing
    outlet: Outlet
    clock: Clock

    async def begin(self) -> None:
        """Says where the stream begins."""
        start = self.subscription.start
        after = start.position.sequence if isinstance(start, After) else BEYOND_ALL
        page = await self._read(after)
        match start:
            case Live():
                await self._open(page.head, _position(page.head))
            case FromSnapshot():
                await self._open(page.head, None)
                await self._send_snapshot(start.most_items)
            case After():
                await self._resume(start.position, page)

    async def go_on(self) -> None:
        """Says what is new when there may be something, else waits until there may be."""
        if self.stream.take_wake() or self.timing.heartbeat_due():
            await self._catch_up()
        else:
            await self.stream.pause(self.timing.next_event())

    async def _resume(self, position: Position, page: FeedPage) -> None:
        reason = judge(position, page.head)
        if reason is not None:
            await self._open(page.head, None)
            await self._resync(reason)
            return
        await self._open(page.head, position, resumed=True)
        if page.head.sequence > position.sequence:
            await self._send_changes(position, page)

    async def _catch_up(self) -> None:
        position = self.stream.position
        if position is None:
            return
        page = await self._read(position.sequence)
        reason = judge(position, page.head)
        if reason is not None:
            await self._resync(reason)
        elif page.head.sequence > position.sequence:
            await self._send_changes(position, page)
        elif self.timing.heartbeat_due():
            await self.outlet.write(
                frames.Heartbeat(server_time=self.clock.now(), position=position)
            )

    async def _open(self, head: Head, position: Position | None, *, resumed: bool = False) -> None:
        await self.outlet.write(
            frames.Opened(
                stream_id=self.stream.stream_id,
                heartbeat_interval=self.timing.heartbeat_interval,
                auth_expire_time=self.subscription.auth_expire_time,
                resumed=resumed,
                counts=head.counts,
                position=position,
            )
        )
        self.stream.position = position

    async def _resync(self, reason: ResyncReason) -> None:
        await self.outlet.write(frames.Resync(reason=reason))
        await self._send_snapshot(DEFAULT_SNAPSHOT_ITEMS)

    async def _send_changes(self, since: Position, page: FeedPage) -> None:
        """Sends the change set from `since` to the head of its first page, and then moves there.

        Later pages are of later moments: an item that changed meanwhile has left the set for a number
        above it. It comes in the next set, whole, as UPDATED even if the client never saw it: its
        first number lies below the cursor that the next set begins at.
        """
        target, counts = _position(page.head), page.head.counts
        while judge(since, page.head) is None:
            changes = tuple(
                frames.Change(item=item, added=item.created_sequence > since.sequence)
                for item in page.items
            )
            last = page.complete
            begun = time.time_ns()
            await self.outlet.write(
                frames.Changes(
                    changes=changes,
                    position=target if last else None,
                    counts=counts if last else None,
                )
            )
            self._sent(page.items, begun)
            if last:
                self.stream.position = target
                return
            if self._must_end():
                return
            page = await self._read(page.items[-1].sequence, up_to=target.sequence)
        # The history ended in the middle of the set; looking again says so to the client.
        self.stream.wake()

    async def _send_snapshot(self, most_items: int) -> None:
        """Sends the newest items, bound to the head of the first part.

        Later parts are of later moments, and yet nothing is missing: they go down by the number of
        an item's first change, which never changes, so each of the newest items at the head comes, in
        its state at the head or later. What changed after the head comes again in the first change
        set after the snapshot, which begins at the head: whole, so that the client may insert it.
        """
        before, left = BEYOND_ALL, most_items
        first: Head | None = None
        while not self._must_end():
            page = await self.reader.newest(
                NewestWanted(key=self.stream.key, before=before, most=min(left, PAGE_ITEMS))
            )
            first = first or page.head
            left -= len(page.items)
            last = page.complete or left == 0
            position = _position(first) if last else None
            begun = time.time_ns()
            await self.outlet.write(
                frames.SnapshotPart(
                    items=page.items, position=position, counts=first.counts if last else None
                )
            )
            self._sent(page.items, begun)
            if last:
                self.stream.position = position
                return
            before = page.items[-1].created_sequence

    def _must_end(self) -> bool:
        return self.stream.closing is not None or self.timing.ending() is not None

    def _sent(self, items: tuple[Item, ...], begun: int) -> None:
        first_time = self.recorder.note(self.stream.key, items)
        tell.written(first_time, begun=begun, now=self.clock.now(), open_time=self.timing.open_time)

    async def _read(self, after: int, *, up_to: int = BEYOND_ALL) -> FeedPage:
        return await self.reader.changes(
            ChangesWanted(key=self.stream.key, after=after, up_to=up_to)
        )


def _position(head: Head) -> Position:
    return Position(epoch=head.epoch, sequence=head.sequence)
