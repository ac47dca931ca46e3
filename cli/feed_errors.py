"""Sentences for the ways in which a subscription ends for good."""

from __future__ import annotations

from cli.errors import CommandError, from_rpc
from cli.inbox_feed import FeedClosed, FeedRefused
from cli.names import CLOSING_REASONS
from tidings.inbox.v1.inbox_stream_service_pb2 import ClosingReason


def from_feed(error: FeedClosed | FeedRefused, address: str) -> CommandError:
    """Returns the error that a command ends with."""
    if isinstance(error, FeedRefused):
        return from_rpc(error.error, address)
    if error.reason == ClosingReason.CLOSING_REASON_SUPERSEDED:
        return CommandError(
            "a newer watch of this installation took over",
            hint="give each its own --device to watch twice",
        )
    reason = CLOSING_REASONS.name(error.reason)
    return CommandError(f"the server closed the stream for good: {reason}")
