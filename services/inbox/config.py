"""Settings of inbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from libs.config.settings import EnvironSettings, integer, seconds
from services.inbox.domain.limits import StreamLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(EnvironSettings):
    """Read once, at start."""

    max_streams: int = integer(
        "TIDINGS_INBOX_MAX_STREAMS",
        "Open streams of a process.",
        default=10_000,
    )
    min_heartbeat: timedelta = seconds(
        "TIDINGS_INBOX_MIN_HEARTBEAT_SECONDS",
        "Shortest heartbeat that a client may ask for.",
        default=5,
    )
    max_heartbeat: timedelta = seconds(
        "TIDINGS_INBOX_MAX_HEARTBEAT_SECONDS",
        "Longest heartbeat that a client may ask for.",
        default=120,
    )
    max_stream_age: timedelta = seconds(
        "TIDINGS_INBOX_MAX_STREAM_AGE_SECONDS",
        "Age at which a stream is told to come back. Keep it below an hour, the age at which the"
        " server ends connections.",
        default=45 * 60,
    )
    max_write: timedelta = seconds(
        "TIDINGS_INBOX_MAX_WRITE_SECONDS",
        "A client that does not take a frame for so long is given up.",
        default=30,
    )
    max_reconnect_delay: timedelta = seconds(
        "TIDINGS_INBOX_MAX_RECONNECT_DELAY_SECONDS",
        "Clients of a stopping process come back spread over so long. A second is enough for one"
        " machine's streams; with thousands to a process set half a minute.",
        default=1,
    )
    poll_interval: timedelta = seconds(
        "TIDINGS_INBOX_POLL_INTERVAL_SECONDS",
        "How often heads are looked at while Redis is away.",
        default=1,
    )
    receipt_interval: timedelta = seconds(
        "TIDINGS_INBOX_RECEIPT_INTERVAL_SECONDS",
        "How often stream writes are recorded.",
        default=0.2,
    )
    event_interval: timedelta = seconds(
        "TIDINGS_INBOX_EVENT_INTERVAL_SECONDS",
        "When an unconfirmed event is published again.",
        default=5,
    )

    @property
    def streams(self) -> StreamLimits:
        """What streams may do."""
        return StreamLimits(
            most_streams=self.max_streams,
            shortest_heartbeat=self.min_heartbeat,
            longest_heartbeat=self.max_heartbeat,
            longest_age=self.max_stream_age,
            longest_write=self.max_write,
            reconnect_delay=self.max_reconnect_delay,
        )
