"""Shows a subscription's events: lines for people, a document per event for programs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from cli.inbox_feed import (
    AttemptFailed,
    ChangeType,
    Connected,
    Disconnected,
    FeedEvent,
    Heard,
    ItemChanged,
    SnapshotApplied,
)
from cli.names import RESYNC_REASONS
from cli.output import Output, to_document
from cli.times import to_datetime
from tidings.inbox.v1.inbox_item_pb2 import InboxCounts, InboxItem

_MOMENT_WIDTH = 16
_INDENT = _MOMENT_WIDTH + 1 + 8
#: So that a burst of changes is counted once.
_COUNT_SECONDS = 0.5


class TextDisplay:
    """For people. Attempts that fail and heartbeats are not shown."""

    def __init__(self, output: Output, recipient_id: str, address: str) -> None:
        self._output = output
        self._greeting = f"watching the inbox of {recipient_id} at {address}; Ctrl-C ends"
        self._coming_back = False
        self._counted = ""
        self._counts: InboxCounts | None = None
        self._counting: asyncio.TimerHandle | None = None

    def show(self, event: FeedEvent) -> None:
        """Prints what the event means."""
        if isinstance(event, Connected):
            self._connected(event)
        elif isinstance(event, Disconnected):
            self._output.line(f"disconnected: {event.why}; trying again", "yellow")
        elif isinstance(event, SnapshotApplied):
            self._snapshot(event)
        elif isinstance(event, ItemChanged):
            self._item(event.item, "changed" if event.type is ChangeType.UPDATED else "new")
            if event.counts is not None:
                self._count_soon(event.counts)

    def _connected(self, event: Connected) -> None:
        if not event.again:
            self._output.line(self._greeting, "dim")
        elif event.resumed is False:
            # What was missed comes with the snapshot that follows.
            self._coming_back = True
        else:
            self._output.line("reconnected, resumed" if event.resumed else "reconnected", "green")

    def _snapshot(self, event: SnapshotApplied) -> None:
        if event.resync is not None:
            words = "reconnected, resynced" if self._coming_back else "resynced"
            self._output.line(f"{words} ({RESYNC_REASONS.name(event.resync)})", "green")
        self._coming_back = False
        for item in reversed(event.unseen):
            self._item(item, "new")
        self._counts, self._counted = event.counts, ""
        self.close()

    def _count_soon(self, counts: InboxCounts) -> None:
        self._counts = counts
        if self._counting is None:
            loop = asyncio.get_running_loop()
            self._counting = loop.call_later(_COUNT_SECONDS, self.close)

    def close(self) -> None:
        """Prints the counts, if they have changed since they were printed."""
        if self._counting is not None:
            self._counting.cancel()
            self._counting = None
        if self._counts is not None and show_counts(self._counts) != self._counted:
            self._counted = show_counts(self._counts)
            self._output.line(self._counted, "dim")

    def _item(self, item: InboxItem, word: str) -> None:
        word = "read" if item.HasField("read_time") else word
        moment = item.read_time if item.HasField("read_time") else item.create_time
        style = "bold" if word == "new" else ""
        self._output.line(
            f"{_clock(to_datetime(moment)):<{_MOMENT_WIDTH}} {word:<8}{item.title}", style
        )
        if word == "read":
            return
        for text in (item.body, item.action_url):
            self._output.paragraph(text, indent=_INDENT)
        self._output.line(f"{' ' * _INDENT}{item.category}  {item.item_id}", "dim")


class JsonDisplay:
    """For programs: one line per event."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def show(self, event: FeedEvent) -> None:
        """Prints the event."""
        document = to_event_document(event)
        if event.cursor:
            document["cursor"] = event.cursor
        self._output.record(document)

    def close(self) -> None:
        """Does nothing: each event has its counts."""


def to_event_document(event: FeedEvent) -> dict[str, Any]:
    """Returns the event as JSON has it; its `cursor` is left to the caller."""
    match event:
        case Connected():
            return {
                "event": "connected",
                "stream_id": event.stream_id,
                "again": event.again,
                "resumed": event.resumed,
                "counts": to_document(event.counts),
            }
        case Disconnected() | AttemptFailed():
            name = "disconnected" if isinstance(event, Disconnected) else "attempt_failed"
            return {"event": name, "why": event.why, "retry_in_seconds": round(event.retry_in, 3)}
        case SnapshotApplied():
            return {
                "event": "snapshot",
                "resync": None if event.resync is None else RESYNC_REASONS.name(event.resync),
                "items": _documents(event.items),
                "unseen": [item.item_id for item in event.unseen],
                "counts": to_document(event.counts),
            }
        case ItemChanged():
            return {
                "event": "item",
                "change": event.type.value,
                "item": to_document(event.item),
                "counts": None if event.counts is None else to_document(event.counts),
            }
        case Heard():
            return {"event": "heartbeat", "server_time": event.server_time.isoformat()}


def show_counts(counts: InboxCounts) -> str:
    """Returns `2 unread of 5`."""
    return f"{counts.unread} unread of {counts.total}"


def _documents(items: Iterable[InboxItem]) -> list[dict[str, Any]]:
    return [to_document(item) for item in items]


def _clock(moment: datetime) -> str:
    """Returns the time of day here, or the date of a day gone by."""
    local = moment.astimezone()
    today = datetime.now(local.tzinfo).date()
    return f"{local:%H:%M:%S %Z}" if local.date() == today else f"{local:%Y-%m-%d %Z}"
