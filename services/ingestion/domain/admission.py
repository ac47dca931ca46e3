"""How much accepted work may wait."""

from __future__ import annotations

from datetime import timedelta

from libs.values import value
from services.ingestion.domain.errors import BacklogFull

_URGENT = 3
"""`PRIORITY_HIGH`: from here on work is accepted while older work cannot leave."""


@value
class BacklogLimits:
    """What may wait per tenant."""

    rows: int
    """Notifications that wait to be planned."""
    age: timedelta
    """Age of the oldest message that no dispatcher claimed."""


@value
class Backlog:
    """What of a tenant waits longer than it may."""

    too_many: bool
    """As many notifications wait to be planned as may."""
    too_old: bool
    """A message waits for longer than it may."""


def check_backlog(
    tenant_id: str, priority: int, backlog: Backlog | None, limits: BacklogLimits
) -> None:
    """Raises BacklogFull when nothing more of that priority is accepted."""
    if backlog is None:
        return
    if backlog.too_many:
        raise BacklogFull(tenant_id, f"at most {limits.rows} notifications may wait to be planned")
    if backlog.too_old and priority < _URGENT:
        seconds = f"{limits.age.total_seconds():.0f}s"
        raise BacklogFull(
            tenant_id,
            f"while work waits for more than {seconds} to leave, only priorities high and critical are accepted",
        )
