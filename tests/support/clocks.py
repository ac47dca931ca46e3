"""A clock that stands still until it is set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class SetClock:
    """Starts at the present."""

    def __init__(self) -> None:
        self.time = datetime.now(UTC)

    def now(self) -> datetime:
        """Returns the time that was set."""
        return self.time

    def advance(self, **delta: float) -> None:
        """Goes on by a `timedelta(**delta)`."""
        self.time += timedelta(**delta)
