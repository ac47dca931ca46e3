"""Settings of ingestion."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from libs.config.retention import retention, retention_interval
from libs.config.settings import EnvironSettings, integer, seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(EnvironSettings):
    """Read once, at start."""

    lease: timedelta = seconds(
        "TIDINGS_INGESTION_LEASE_SECONDS",
        "How long a silent process keeps its claims.",
        default=15,
    )
    claim_deadline: timedelta = seconds(
        "TIDINGS_INGESTION_CLAIM_DEADLINE_SECONDS",
        "How long even a living process keeps a claim.",
        default=60,
    )
    sweep_interval: timedelta = seconds(
        "TIDINGS_INGESTION_SWEEP_INTERVAL_SECONDS",
        "How often what fell out of the fast path is looked for.",
        default=1,
    )
    republish_interval: timedelta = seconds(
        "TIDINGS_INGESTION_REPUBLISH_SECONDS",
        "When an unclaimed message is first published again; it doubles from there.",
        default=5,
    )
    republish_ceiling: timedelta = seconds(
        "TIDINGS_INGESTION_REPUBLISH_CEILING_SECONDS",
        "Longest time between two publications of a message.",
        default=60,
    )
    planning_pause: timedelta = seconds(
        "TIDINGS_INGESTION_PLANNING_PAUSE_SECONDS",
        "How long notifications wait when they cannot be planned now.",
        default=1,
    )
    request_id_retention: timedelta = seconds(
        "TIDINGS_INGESTION_REQUEST_ID_RETENTION_SECONDS",
        "For how long a request id is remembered.",
        default=48 * 3600,
        least=24 * 3600,
    )
    retention: timedelta = retention()
    retention_interval: timedelta = retention_interval()
    credit_window: int = integer(
        "TIDINGS_INGESTION_CREDIT_WINDOW",
        "Deliveries of one tenant, priority and channel that may be on their way to dispatchers at"
        " once.",
        default=750,
    )
    backlog_rows: int = integer(
        "TIDINGS_INGESTION_BACKLOG_ROWS",
        "Notifications of one tenant that may wait to be planned; beyond that nothing of it is accepted.",
        default=1_000_000,
    )
    backlog_age: timedelta = seconds(
        "TIDINGS_INGESTION_BACKLOG_AGE_SECONDS",
        "How long a tenant's message may wait to be claimed; beyond that only what is urgent is accepted.",
        default=3600,
    )
    backlog_interval: timedelta = seconds(
        "TIDINGS_INGESTION_BACKLOG_INTERVAL_SECONDS",
        "How often what waits is counted.",
        default=5,
    )
    flushes: int = integer(
        "TIDINGS_INGESTION_FLUSHES",
        "How many group commits run at once.",
        default=1,
    )
    planners: int = integer(
        "TIDINGS_INGESTION_PLANNERS",
        "How many planning batches run at once.",
        default=1,
    )
