"""The hub: where the open streams of this process are found."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from libs.errors import Overloaded
from services.inbox.domain.frames import ClosingReason
from services.inbox.domain.models import InboxKey
from services.inbox.domain.positions import Position


class Stream:
    """An open stream as others see it: a flag to wake it, a reason to end it, never a queue.

    What it is woken for it reads from the feed by itself, so it costs the same however much happens
    and however slowly its client reads.
    """

    def __init__(self, *, stream_id: str, key: InboxKey, device_id: str) -> None:
        self.stream_id = stream_id
        self.key = key
        self.device_id = device_id
        self.position: Position | None = None
        """What the client has been sent; None before it has a state."""
        self.closing: ClosingReason | None = None
        self._woken = False
        self._signal = asyncio.Event()

    def wake(self) -> None:
        """Has it look at its feed."""
        self._woken = True
        self._signal.set()

    def close(self, reason: ClosingReason) -> None:
        """Has it end; the first reason counts."""
        self.closing = self.closing or reason
        self._signal.set()

    def take_wake(self) -> bool:
        """Says whether it was woken since it was last asked."""
        woken, self._woken = self._woken, False
        return woken

    async def pause(self, until: float) -> None:
        """Returns when it is woken or closed, or at `until` by the loop's clock."""
        try:
            async with asyncio.timeout_at(until):
                await self._signal.wait()
        except TimeoutError:
            return
        finally:
            self._signal.clear()


class Hub:
    """Registry of streams by inbox."""

    def __init__(self, *, most_streams: int) -> None:
        self._most_streams = most_streams
        self._streams: dict[InboxKey, set[Stream]] = {}
        self._count = 0
        self._closing: ClosingReason | None = None

    @property
    def count(self) -> int:
        """How many streams are open."""
        return self._count

    @contextmanager
    def attached(self, stream: Stream) -> Iterator[None]:
        """Lets a stream be found; an older one of the same device is closed. Raises Overloaded."""
        if self._count >= self._most_streams:
            raise Overloaded("this process holds as many streams as it may")
        self._attach(stream)
        try:
            yield
        finally:
            self.detach(stream)

    def detach(self, stream: Stream) -> None:
        """Forgets a stream; harmless to repeat."""
        siblings = self._streams.get(stream.key, set())
        if stream in siblings:
            siblings.remove(stream)
            self._count -= 1
            if not siblings:
                del self._streams[stream.key]

    def keys(self) -> list[InboxKey]:
        """Returns the inboxes that are followed."""
        return list(self._streams)

    def wake(self, heads: Mapping[InboxKey, Position | None]) -> None:
        """Wakes the streams that are not where their feeds stand; None: nobody knows where."""
        # Hints name many inboxes, and few of them are followed here.
        for key in heads.keys() & self._streams.keys():
            head = heads[key]
            for stream in self._streams[key]:
                if head is None or _differs(stream.position, head):
                    stream.wake()

    def supersede(self, opened: Mapping[tuple[InboxKey, str], str]) -> None:
        """Closes streams of devices that opened a newer one elsewhere: stream ids grow with time."""
        for (key, device_id), newer in opened.items():
            for stream in self._streams.get(key, ()):
                if stream.device_id == device_id and stream.stream_id < newer:
                    stream.close(ClosingReason.SUPERSEDED)

    def close_all(self, reason: ClosingReason) -> None:
        """Closes all streams, and those that come later as soon as they are open."""
        self._closing = reason
        for streams in self._streams.values():
            for stream in streams:
                stream.close(reason)

    def _attach(self, stream: Stream) -> None:
        siblings = self._streams.setdefault(stream.key, set())
        for sibling in siblings:
            if stream.device_id and sibling.device_id == stream.device_id:
                sibling.close(ClosingReason.SUPERSEDED)
        siblings.add(stream)
        self._count += 1
        if self._closing is not None:
            stream.close(self._closing)


def _differs(position: Position | None, head: Position) -> bool:
    # A hint may be older than what the stream has read since.
    return position is None or position.epoch != head.epoch or position.sequence < head.sequence
