"""Settings of tracking."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from libs.config.settings import EnvironSettings, seconds, share


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(EnvironSettings):
    """Read once, at start."""

    retention: timedelta = seconds(
        "TIDINGS_TRACKING_RETENTION_SECONDS",
        "For how long a delivery is kept after its last change, and a fact. Counts are kept for 401"
        " days.",
        default=90 * 86_400,
        least=86_400,
    )
    retention_interval: timedelta = seconds(
        "TIDINGS_TRACKING_RETENTION_INTERVAL_SECONDS",
        "How often what was kept long enough is deleted.",
        default=600,
    )
    rebuild_share: float = share(
        "TIDINGS_TRACKING_REBUILD_SHARE",
        "How much of the time a rebuild works; the rest is left to live events. At least 0.01.",
        default=0.25,
    )
