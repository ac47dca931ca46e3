"""Settings of ingestion."""

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
    """How often what fell out of the fast path is looked for."""
    republish_interval: timedelta
    """When an unclaimed message is first published again; it doubles from there."""
    republish_ceiling: timedelta
    """Longest time between two publications of a message."""
    planning_pause: timedelta
    """How long notifications wait when they cannot be planned now."""
    request_id_retention: timedelta
    """For how long a request id is remembered."""
    retention: timedelta
    """For how long an ended notification is kept; dispatch keeps its deliveries a day longer."""
    retention_interval: timedelta
    """How often what was kept long enough is deleted, and weeks to come are prepared."""
    credit_window: int
    """Deliveries of one tenant, priority and channel that may be on their way to dispatchers at once."""
    backlog_rows: int
    """Notifications of one tenant that may wait to be planned; beyond that nothing of it is accepted."""
    backlog_age: timedelta
    """How long a tenant's message may wait to be claimed; beyond that only what is urgent is accepted."""
    backlog_interval: timedelta
    """How often what waits is counted."""
    flushes: int
    """How many group commits run at once."""
    planners: int
    """How many planning batches run at once."""

    @classmethod
    def from_environ(cls, environ: Environ) -> Self:
        """Reads `TIDINGS_INGESTION_*` and `TIDINGS_RETENTION_*`."""
        return cls(
            lease=environ.seconds("TIDINGS_INGESTION_LEASE_SECONDS", 15),
            claim_deadline=environ.seconds("TIDINGS_INGESTION_CLAIM_DEADLINE_SECONDS", 60),
            sweep_interval=environ.seconds("TIDINGS_INGESTION_SWEEP_INTERVAL_SECONDS", 1),
            republish_interval=environ.seconds("TIDINGS_INGESTION_REPUBLISH_SECONDS", 5),
            republish_ceiling=environ.seconds("TIDINGS_INGESTION_REPUBLISH_CEILING_SECONDS", 60),
            planning_pause=environ.seconds("TIDINGS_INGESTION_PLANNING_PAUSE_SECONDS", 1),
            request_id_retention=environ.seconds(
                "TIDINGS_INGESTION_REQUEST_ID_RETENTION_SECONDS", 48 * 3600, least=24 * 3600
            ),
            retention=environ.seconds("TIDINGS_RETENTION_SECONDS", 30 * 86400, least=86400),
            retention_interval=environ.seconds("TIDINGS_RETENTION_INTERVAL_SECONDS", 600),
            credit_window=environ.integer("TIDINGS_INGESTION_CREDIT_WINDOW", 500, least=1),
            backlog_rows=environ.integer("TIDINGS_INGESTION_BACKLOG_ROWS", 1_000_000, least=1),
            backlog_age=environ.seconds("TIDINGS_INGESTION_BACKLOG_AGE_SECONDS", 3600),
            backlog_interval=environ.seconds("TIDINGS_INGESTION_BACKLOG_INTERVAL_SECONDS", 5),
            flushes=environ.integer("TIDINGS_INGESTION_FLUSHES", 2, least=1),
            planners=environ.integer("TIDINGS_INGESTION_PLANNERS", 2, least=1),
        )
