"""Subscriptions and frames on the wire."""

from __future__ import annotations

from datetime import UTC, datetime

from services.inbox.domain import frames
from services.inbox.domain.models import InboxKey
from services.inbox.domain.positions import ResyncReason
from services.inbox.domain.starts import (
    DEFAULT_SNAPSHOT_ITEMS,
    After,
    FromSnapshot,
    Live,
    Start,
    Subscription,
)
from services.inbox.wire.cursor import cursor_from_proto, cursor_to_proto
from services.inbox.wire.items import counts_to_proto, item_to_proto
from tidings.inbox.v1 import inbox_stream_service_pb2 as pb

_CLOSING_REASONS = {
    frames.ClosingReason.SHUTDOWN: pb.CLOSING_REASON_SHUTDOWN,
    frames.ClosingReason.MAX_AGE: pb.CLOSING_REASON_MAX_AGE,
    frames.ClosingReason.CREDENTIALS_EXPIRED: pb.CLOSING_REASON_CREDENTIALS_EXPIRED,
    frames.ClosingReason.SUPERSEDED: pb.CLOSING_REASON_SUPERSEDED,
    frames.ClosingReason.SLOW_CONSUMER: pb.CLOSING_REASON_SLOW_CONSUMER,
}
_RESYNC_REASONS = {
    ResyncReason.CURSOR_EXPIRED: pb.RESYNC_REASON_CURSOR_EXPIRED,
    ResyncReason.EPOCH_CHANGED: pb.RESYNC_REASON_EPOCH_CHANGED,
}


def subscription_from_proto(
    key: InboxKey, request: pb.SubscribeRequest, auth_expire_time: datetime | None
) -> Subscription:
    """Reads what a client asks for; raises CursorInvalid."""
    return Subscription(
        key=key,
        device_id=request.device_id,
        start=_start_from_proto(key, request),
        heartbeat_interval=(
            request.heartbeat_interval.ToTimedelta()
            if request.HasField("heartbeat_interval")
            else None
        ),
        auth_expire_time=auth_expire_time,
    )


def _start_from_proto(key: InboxKey, request: pb.SubscribeRequest) -> Start:
    match request.WhichOneof("start"):
        case "after_cursor":
            return After(position=cursor_from_proto(key, request.after_cursor))
        case "snapshot":
            return FromSnapshot(most_items=request.snapshot.max_items or DEFAULT_SNAPSHOT_ITEMS)
        case _:
            return Live()


def frame_to_proto(key: InboxKey, frame: frames.Frame) -> pb.SubscribeResponse:
    """Writes a frame of an inbox's stream."""
    match frame:
        case frames.Opened():
            return pb.SubscribeResponse(
                cursor=cursor_to_proto(key, frame.position), opened=_opened(frame)
            )
        case frames.SnapshotPart():
            return pb.SubscribeResponse(
                cursor=cursor_to_proto(key, frame.position), snapshot=_snapshot(frame)
            )
        case frames.Changes():
            return pb.SubscribeResponse(
                cursor=cursor_to_proto(key, frame.position), changes=_changes(frame)
            )
        case frames.Heartbeat():
            heartbeat = pb.Heartbeat()
            heartbeat.server_time.FromDatetime(frame.server_time)
            return pb.SubscribeResponse(
                cursor=cursor_to_proto(key, frame.position), heartbeat=heartbeat
            )
        case frames.Resync():
            reason = _RESYNC_REASONS[frame.reason]
            return pb.SubscribeResponse(resync_required=pb.ResyncRequired(reason=reason))
        case frames.Closing():
            return pb.SubscribeResponse(closing=_closing(frame))


def _opened(frame: frames.Opened) -> pb.Opened:
    message = pb.Opened(
        stream_id=frame.stream_id, resumed=frame.resumed, counts=counts_to_proto(frame.counts)
    )
    message.heartbeat_interval.FromTimedelta(frame.heartbeat_interval)
    if frame.auth_expire_time is not None:
        message.auth_expire_time.FromDatetime(frame.auth_expire_time.astimezone(UTC))
    return message


def _snapshot(frame: frames.SnapshotPart) -> pb.Snapshot:
    return pb.Snapshot(
        items=[item_to_proto(item) for item in frame.items],
        complete=frame.position is not None,
        counts=counts_to_proto(frame.counts) if frame.counts else None,
    )


def _changes(frame: frames.Changes) -> pb.InboxChanges:
    return pb.InboxChanges(
        changes=[
            pb.InboxChange(
                type=(pb.INBOX_CHANGE_TYPE_ADDED if change.added else pb.INBOX_CHANGE_TYPE_UPDATED),
                item=item_to_proto(change.item),
            )
            for change in frame.changes
        ],
        counts=counts_to_proto(frame.counts) if frame.counts else None,
    )


def _closing(frame: frames.Closing) -> pb.Closing:
    message = pb.Closing(reason=_CLOSING_REASONS[frame.reason], reconnect=frame.reconnect)
    message.max_reconnect_delay.FromTimedelta(frame.max_reconnect_delay)
    return message
