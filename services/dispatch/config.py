"""Settings of dispatch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from libs.config import Environ


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Read once, at start."""

    lease: timedelta
    """How long a silent process keeps its claims."""
    claim_deadline: timedelta
    """How long even a living process keeps a claim."""
    sweep_interval: timedelta
    """How often due and orphaned deliveries are looked for."""
    event_interval: timedelta
    """When an unconfirmed event is published again."""
    max_attempts: int
    """Provider calls for one delivery, the first included."""
    retry_base: timedelta
    """Ceiling of the wait before the second attempt; it doubles from there."""
    retry_ceiling: timedelta
    """Longest wait between attempts."""
    max_lone_deaths: int
    """Deaths of a process with one delivery alone in hand before that is a dead letter."""
    lane_capacity: int
    """Deliveries of one channel and priority in hand at once."""
    retention: timedelta
    """For how long an ended delivery is kept, but for a day more."""
    retention_interval: timedelta
    """How often what was kept long enough is deleted, and weeks to come are prepared."""
    smtp_url: str
    """`smtp://` or `smtps://`, with user and password if the server wants them; or `file:///path` of
    a file that says what would have been sent, for development."""
    smtp_sender: str
    """`From` of every mail."""
    smtp_connections: int
    """Connections to the mail server, which is also how many mails are in flight."""
    smtp_timeout: timedelta
    """How long one mail may take."""

    @classmethod
    def from_environ(cls, environ: Environ) -> Self:
        """Reads `TIDINGS_DISPATCH_*`, `TIDINGS_RETENTION_*` and `TIDINGS_SMTP_*`."""
        return cls(
            lease=environ.seconds("TIDINGS_DISPATCH_LEASE_SECONDS", 45),
            claim_deadline=environ.seconds("TIDINGS_DISPATCH_CLAIM_DEADLINE_SECONDS", 300),
            sweep_interval=environ.seconds("TIDINGS_DISPATCH_SWEEP_INTERVAL_SECONDS", 0.5),
            event_interval=environ.seconds("TIDINGS_DISPATCH_EVENT_INTERVAL_SECONDS", 5),
            max_attempts=environ.integer("TIDINGS_DISPATCH_MAX_ATTEMPTS", 8, least=1),
            retry_base=environ.seconds("TIDINGS_DISPATCH_RETRY_BASE_SECONDS", 2),
            retry_ceiling=environ.seconds("TIDINGS_DISPATCH_RETRY_CEILING_SECONDS", 600),
            max_lone_deaths=environ.integer("TIDINGS_DISPATCH_MAX_LONE_DEATHS", 3, least=1),
            lane_capacity=environ.integer("TIDINGS_DISPATCH_LANE_CAPACITY", 400, least=1),
            retention=environ.seconds("TIDINGS_RETENTION_SECONDS", 30 * 86400, least=86400),
            retention_interval=environ.seconds("TIDINGS_RETENTION_INTERVAL_SECONDS", 600),
            smtp_url=environ.text("TIDINGS_SMTP_URL"),
            smtp_sender=environ.text("TIDINGS_SMTP_SENDER", "Tidings <no-reply@tidings.example>"),
            smtp_connections=environ.integer("TIDINGS_SMTP_CONNECTIONS", 10, least=1),
            smtp_timeout=environ.seconds("TIDINGS_SMTP_TIMEOUT_SECONDS", 20),
        )
