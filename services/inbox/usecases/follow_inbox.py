"""Follows an inbox down a stream."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from libs.clock import Clock, mint_uuid7
from services.inbox.domain.frames import Frame
from services.inbox.domain.limits import StreamLimits
from services.inbox.domain.starts import Subscription
from services.inbox.store.feed import FeedReader
from services.inbox.usecases.hub import Hub, Stream
from services.inbox.usecases.record_stream_writes import StreamWriteRecorder
from services.inbox.usecases.send_hints import HintSender
from services.inbox.usecases.stream_conversation import Conversation, Outlet
from services.inbox.usecases.stream_timing import Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowInbox:
    """Opens a stream and keeps it until it must end."""

    hub: Hub
    reader: FeedReader
    hints: HintSender
    recorder: StreamWriteRecorder
    limits: StreamLimits
    clock: Clock

    async def __call__(
        self, subscription: Subscription, send: Callable[[Frame], Awaitable[None]]
    ) -> None:
        """Sends frames by `send`, which may block; returns after the closing one.

        Raises Overloaded, and DependencyUnavailable when the feed cannot be read: the client comes
        back with its cursor, and nothing is lost by it.
        """
        stream = Stream(
            stream_id=str(mint_uuid7(self.clock.now())),
            key=subscription.key,
            device_id=subscription.device_id,
        )
        # Attached before anything is read: a change from now on is either read or wakes the stream.
        with self.hub.attached(stream):
            if stream.device_id:
                self.hints.stream_opened(stream.key, stream.device_id, stream.stream_id)
            timing = Timing(subscription, self.limits, self.clock, asyncio.get_running_loop())
            outlet = Outlet(stream=stream, hub=self.hub, timing=timing, send=send)
            conversation = Conversation(
                subscription=subscription,
                stream=stream,
                reader=self.reader,
                recorder=self.recorder,
                timing=timing,
                outlet=outlet,
                clock=self.clock,
            )
            await conversation.begin()
            while (reason := stream.closing or timing.ending()) is None:
                await conversation.go_on()
            await outlet.write(self.limits.closing(reason))
