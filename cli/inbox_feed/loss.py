"""Ways to lose a stream that call for a new one."""

from __future__ import annotations

import random

import grpc

from cli.inbox_feed.events import FeedClosed, FeedRefused
from cli.status_details import read_details
from tidings.inbox.v1.inbox_stream_service_pb2 import Closing, ClosingReason

#: The contract's list, and what a proxy may say. A CANCELLED that arrives as a status was not ours.
_PASSING = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
    }
)


class Lost(Exception):
    """The stream is lost, and a new one makes sense."""

    def __init__(self, why: str, *, wait: float | None = None, least: float = 0.0) -> None:
        super().__init__(why)
        self.why = why
        self.wait = wait
        """Seconds to wait; None leaves it to the backoff."""
        self.least = least
        """Seconds to wait at least."""


def loss_by_status(error: grpc.aio.AioRpcError) -> Lost:
    """Returns the loss that a failed call means; raises FeedRefused when a new one is in vain."""
    if error.code() not in _PASSING:
        raise FeedRefused(error) from None
    details = read_details(error)
    if error.code() is grpc.StatusCode.UNAVAILABLE and not details.reason:
        return Lost("the connection is gone")
    why = error.details() or error.code().name.replace("_", " ").lower()
    return Lost(why, least=details.retry_after or 0.0)


def loss_by_closing(closing: Closing) -> Lost:
    """Returns the loss that a goodbye means; raises FeedClosed when no new stream is wanted."""
    if not closing.reconnect:
        raise FeedClosed(closing.reason)
    spread = closing.max_reconnect_delay.ToTimedelta().total_seconds()
    return Lost(
        f"the server said goodbye: {_words(closing.reason)}",
        wait=random.uniform(0, spread) if spread > 0 else None,
    )


def _words(reason: ClosingReason.ValueType) -> str:
    if reason not in ClosingReason.values():
        return f"reason {reason}"
    return ClosingReason.Name(reason).removeprefix("CLOSING_REASON_").replace("_", " ").lower()
