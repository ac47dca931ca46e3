"""InboxStreamService."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass

import grpc

from libs.identity.caller import current_caller
from libs.rpc.pipeline import Context
from libs.telemetry.logs import kind_of
from services.inbox.domain.frames import Frame
from services.inbox.entrypoints.inbox import caller_inbox
from services.inbox.usecases.follow_inbox import FollowInbox
from services.inbox.wire.streams import frame_to_proto, subscription_from_proto
from tidings.inbox.v1 import inbox_stream_service_pb2 as pb
from tidings.inbox.v1.inbox_stream_service_pb2_grpc import InboxStreamServiceServicer

_log = logging.getLogger(__name__)
_NOTHING_MORE: tuple[pb.SubscribeResponse, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamServicer(InboxStreamServiceServicer):
    """Holds the streams of apps."""

    follow_inbox: FollowInbox

    async def Subscribe(
        self, request: pb.SubscribeRequest, context: Context
    ) -> AsyncIterator[pb.SubscribeResponse]:
        """See the contract."""
        key = caller_inbox(request.recipient_id)
        subscription = subscription_from_proto(key, request, current_caller().expire_time)

        async def send(frame: Frame) -> None:
            await context.write(frame_to_proto(key, frame))

        try:
            await self.follow_inbox(subscription, send)
        except (grpc.aio.InternalError, grpc.aio.UsageError) as error:
            # A client that leaves while a write is blocked shows as a failed batch, not as a
            # cancellation. It is no fault of ours.
            _log.info("stream_client_left", extra={"why": kind_of(error)})
        # Frames are written, not yielded: a failing write must end in our own `finally`, while a
        # suspended generator would only be forgotten.
        for frame in _NOTHING_MORE:
            yield frame
