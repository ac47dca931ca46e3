"""How long ended things are kept: one word for all services that keep them."""

from __future__ import annotations

from typing import Any

from libs.config.settings import seconds

_DAY = 24 * 3600


# They return Any, like libs.config.settings.
def retention() -> Any:
    """Declares for how long."""
    return seconds(
        "TIDINGS_RETENTION_SECONDS",
        "For how long an ended notification is kept; its deliveries a day longer.",
        default=30 * _DAY,
        least=_DAY,
    )


def retention_interval() -> Any:
    """Declares how often somebody looks."""
    return seconds(
        "TIDINGS_RETENTION_INTERVAL_SECONDS",
        "How often what was kept long enough is deleted, and partitions of weeks to come are made.",
        default=600,
    )
