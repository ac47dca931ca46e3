"""Settings of inbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from libs.config import Environ
from services.inbox.domain.limits import StreamLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Read once, at start."""

    streams: StreamLimits
    poll_interval: timedelta
    """How often heads are looked at while Redis is away."""
    receipt_interval: timedelta
    """How often stream writes are recorded."""

    @classmethod
    def from_environ(cls, environ: Environ) -> Settings:
        """Reads the settings; raises SettingError."""
        return cls(
            streams=StreamLimits(
                most_streams=environ.integer("TIDINGS_INBOX_MAX_STREAMS", 10_000, least=1),
                shortest_heartbeat=environ.seconds("TIDINGS_INBOX_MIN_HEARTBEAT_SECONDS", 5),
                longest_heartbeat=environ.seconds("TIDINGS_INBOX_MAX_HEARTBEAT_SECONDS", 120),
                # Below the age at which the server ends connections, so that streams end first.
                longest_age=environ.seconds("TIDINGS_INBOX_MAX_STREAM_AGE_SECONDS", 45 * 60),
                longest_write=environ.seconds("TIDINGS_INBOX_MAX_WRITE_SECONDS", 30),
                # Enough for one machine's streams; with thousands to a process set half a minute.
                reconnect_delay=environ.seconds("TIDINGS_INBOX_MAX_RECONNECT_DELAY_SECONDS", 1),
            ),
            poll_interval=environ.seconds("TIDINGS_INBOX_POLL_INTERVAL_SECONDS", 1),
            receipt_interval=environ.seconds("TIDINGS_INBOX_RECEIPT_INTERVAL_SECONDS", 0.2),
        )
