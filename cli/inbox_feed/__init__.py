"""A recipient's inbox as a stream of events that survives the loss of its connection.

`subscribe` is the way in. It holds `InboxStreamService.Subscribe` open, comes back after a loss
where it was, and gives each change once, in order. Nothing here prints.
"""

from cli.inbox_feed.backoff import Backoff
from cli.inbox_feed.events import (
    AttemptFailed,
    ChangeType,
    Connected,
    Disconnected,
    FeedClosed,
    FeedEvent,
    FeedRefused,
    Heard,
    ItemChanged,
    SnapshotApplied,
    Token,
    TokenSource,
    TokenUnavailable,
)
from cli.inbox_feed.feed import FeedSettings, InboxFeed, subscribe
from cli.inbox_feed.start import After, Live, Newest, Start

__all__ = [
    "After",
    "AttemptFailed",
    "Backoff",
    "ChangeType",
    "Connected",
    "Disconnected",
    "FeedClosed",
    "FeedEvent",
    "FeedRefused",
    "FeedSettings",
    "Heard",
    "InboxFeed",
    "ItemChanged",
    "Live",
    "Newest",
    "SnapshotApplied",
    "Start",
    "Token",
    "TokenSource",
    "TokenUnavailable",
    "subscribe",
]
