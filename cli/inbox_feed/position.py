"""What a subscription has applied so far: turns frames into events, each change once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC

from cli.inbox_feed.events import ChangeType, FeedEvent, Heard, ItemChanged, SnapshotApplied
from cli.inbox_feed.start import After, Live, Newest, Start
from tidings.inbox.v1.inbox_item_pb2 import InboxCounts, InboxItem
from tidings.inbox.v1.inbox_stream_service_pb2 import (
    Heartbeat,
    InboxChanges,
    InboxChangeType,
    ResyncReason,
    Snapshot,
    StartLive,
    StartSnapshot,
    SubscribeRequest,
    SubscribeResponse,
)

_TYPES = {
    InboxChangeType.INBOX_CHANGE_TYPE_ADDED: ChangeType.ADDED,
    InboxChangeType.INBOX_CHANGE_TYPE_UPDATED: ChangeType.UPDATED,
}


class Position:
    """The cursor, and for each item the sequence that was given last."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._cursor = start.cursor if isinstance(start, After) else ""
        self._given: dict[str, int] = {}
        self._parts: list[InboxItem] = []
        self._resync: ResyncReason.ValueType | None = None

    @property
    def cursor(self) -> str:
        """Where to resume; empty before the first position was reached."""
        return self._cursor

    def begin(self, request: SubscribeRequest) -> None:
        """Says in `request` where the next stream begins, and forgets what was half read."""
        self._parts.clear()
        self._resync = None
        if self._cursor:
            request.after_cursor = self._cursor
        elif isinstance(self._start, Newest):
            request.snapshot.CopyFrom(StartSnapshot(max_items=self._start.max_items))
        elif isinstance(self._start, Live):
            request.live.CopyFrom(StartLive())

    def advance(self, cursor: str) -> None:
        """Takes a position over, once what leads to it was applied."""
        if cursor:
            self._cursor = cursor

    def apply(self, frame: SubscribeResponse) -> Iterator[FeedEvent]:
        """Gives the frame's events; cases that are not known say nothing."""
        case = frame.WhichOneof("frame")
        if case == "changes":
            yield from self._changes(frame.changes, frame.cursor)
        elif case == "snapshot":
            yield from self._snapshot(frame.snapshot, frame.cursor)
        elif case == "resync_required":
            self._parts.clear()
            self._resync = frame.resync_required.reason
        elif case == "heartbeat":
            yield _heard(frame.heartbeat, frame.cursor)

    def _changes(self, changes: InboxChanges, cursor: str) -> Iterator[FeedEvent]:
        new = []
        for change in changes.changes:
            kind, item = _TYPES.get(change.type), change.item
            if kind is not None and item.sequence > self._given.get(item.item_id, -1):
                self._given[item.item_id] = item.sequence
                new.append((kind, item))
        counts = changes.counts if changes.HasField("counts") else None
        for number, (kind, item) in enumerate(new, start=1):
            last = number == len(new)
            yield ItemChanged(
                type=kind, item=item, counts=counts if last else None, cursor=cursor if last else ""
            )

    def _snapshot(self, snapshot: Snapshot, cursor: str) -> Iterator[FeedEvent]:
        self._parts.extend(snapshot.items)
        if not snapshot.complete:
            return
        items, resync = tuple(self._parts), self._resync
        self._parts, self._resync = [], None
        # After a resync sequences may have begun anew, so that only the same one is a repeat.
        unseen = tuple(item for item in items if self._given.get(item.item_id) != item.sequence)
        self._given = _sequences(items)
        counts = snapshot.counts if snapshot.HasField("counts") else InboxCounts()
        yield SnapshotApplied(
            items=items, unseen=unseen, counts=counts, resync=resync, cursor=cursor
        )


def _sequences(items: Iterable[InboxItem]) -> dict[str, int]:
    return {item.item_id: item.sequence for item in items}


def _heard(heartbeat: Heartbeat, cursor: str) -> Heard:
    return Heard(server_time=heartbeat.server_time.ToDatetime(UTC), cursor=cursor)
