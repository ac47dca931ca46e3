"""Settings of dispatch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from libs.config import SettingError
from libs.config.retention import retention, retention_interval
from libs.config.settings import EnvironSettings, integer, seconds, text

# A lease is renewed each fifth of it; what is to be called needs more of it than the call and its margin take.
_OF_A_LEASE = 0.75
_MARGIN = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(EnvironSettings):
    """Read once, at start."""

    lease: timedelta = seconds(
        "TIDINGS_DISPATCH_LEASE_SECONDS",
        "How long a silent process keeps its claims.",
        default=45,
    )
    claim_deadline: timedelta = seconds(
        "TIDINGS_DISPATCH_CLAIM_DEADLINE_SECONDS",
        "How long even a living process keeps a claim.",
        default=300,
    )
    sweep_interval: timedelta = seconds(
        "TIDINGS_DISPATCH_SWEEP_INTERVAL_SECONDS",
        "How often due and orphaned deliveries are looked for.",
        default=0.5,
    )
    event_interval: timedelta = seconds(
        "TIDINGS_DISPATCH_EVENT_INTERVAL_SECONDS",
        "When an unconfirmed event is published again.",
        default=5,
    )
    max_attempts: int = integer(
        "TIDINGS_DISPATCH_MAX_ATTEMPTS",
        "Provider calls for one delivery, the first included.",
        default=8,
    )
    retry_base: timedelta = seconds(
        "TIDINGS_DISPATCH_RETRY_BASE_SECONDS",
        "Ceiling of the wait before the second attempt; it doubles from there.",
        default=2,
    )
    retry_ceiling: timedelta = seconds(
        "TIDINGS_DISPATCH_RETRY_CEILING_SECONDS",
        "Longest wait between attempts.",
        default=600,
    )
    max_lone_deaths: int = integer(
        "TIDINGS_DISPATCH_MAX_LONE_DEATHS",
        "Deaths of a process with one delivery alone in hand before that is a dead letter.",
        default=3,
    )
    lane_capacity: int = integer(
        "TIDINGS_DISPATCH_LANE_CAPACITY",
        "Deliveries of one channel and priority in hand at once, at most, and twice as many for the inbox: no"
        " more than leave in a fifth of the claim deadline. What is due again has a quarter beside it.",
        default=400,
    )
    retention: timedelta = retention()
    retention_interval: timedelta = retention_interval()
    smtp_url: str = text(
        "TIDINGS_SMTP_URL",
        "The mail server: `smtp://user:password@host:587?tls=required` insists on STARTTLS, `tls=off`"
        " never asks for it, `smtps://…` speaks TLS from the start. `file:///path` writes what would"
        " have been sent to a file, for development. Unset: a sink that keeps the mails as files.",
        schemes=("smtp://", "smtps://", "file:"),
        secret=True,
    )
    smtp_sender: str = text(
        "TIDINGS_SMTP_SENDER",
        "`From` of every mail.",
        default="Tidings <no-reply@tidings.example>",
    )
    smtp_connections: int = integer(
        "TIDINGS_SMTP_CONNECTIONS",
        "Connections to the mail server, which is also how many mails are in flight.",
        default=10,
    )
    smtp_timeout: timedelta = seconds(
        "TIDINGS_SMTP_TIMEOUT_SECONDS",
        "How long one mail may take. With a second beside it, it must fit in three quarters of a lease.",
        default=20,
    )
    webhook_timeout: timedelta = seconds(
        "TIDINGS_WEBHOOK_TIMEOUT_SECONDS",
        "How long one webhook may take, from asking for its host's address to the answer. With a second"
        " beside it, it must fit in three quarters of a lease.",
        default=15,
    )
    webhook_calls: int = integer(
        "TIDINGS_WEBHOOK_CALLS",
        "Webhooks in flight at once.",
        default=64,
    )
    webhook_calls_per_host: int = integer(
        "TIDINGS_WEBHOOK_CALLS_PER_HOST",
        "Of those, to one host: so many can a slow one hold.",
        default=8,
    )
    webhook_max_attempts: int = integer(
        "TIDINGS_WEBHOOK_MAX_ATTEMPTS",
        "Calls for one webhook, the first included.",
        default=16,
    )
    webhook_retry_base: timedelta = seconds(
        "TIDINGS_WEBHOOK_RETRY_BASE_SECONDS",
        "Ceiling of the wait before the second call; it doubles from there.",
        default=5,
    )
    webhook_retry_ceiling: timedelta = seconds(
        "TIDINGS_WEBHOOK_RETRY_CEILING_SECONDS",
        "Longest wait between calls, unless the receiver asks for more.",
        default=28_800,
    )

    def __post_init__(self) -> None:
        """Raises SettingError for a call that would never fit in a lease, and so never be made."""
        longest = _OF_A_LEASE * min(self.lease, self.claim_deadline) - _MARGIN
        for variable, timeout in (
            ("TIDINGS_SMTP_TIMEOUT_SECONDS", self.smtp_timeout),
            ("TIDINGS_WEBHOOK_TIMEOUT_SECONDS", self.webhook_timeout),
        ):
            if timeout > longest:
                raise SettingError(
                    f"{variable} must be at most {longest.total_seconds():g}, not"
                    f" {timeout.total_seconds():g}: with a second beside it a call has to fit in three"
                    " quarters of TIDINGS_DISPATCH_LEASE_SECONDS and of"
                    " TIDINGS_DISPATCH_CLAIM_DEADLINE_SECONDS"
                )
