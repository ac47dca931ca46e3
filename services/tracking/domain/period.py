"""The time that is counted, in whole hours or days of UTC."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.tracking.domain.errors import TimeRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The width of a count."""

    name: str
    width: timedelta
    usual: int
    """How many are counted when nobody says."""
    most: int
    """How many may be counted at once."""

    def floor(self, moment: datetime) -> datetime:
        """Returns the beginning of the interval in which a moment of UTC lies."""
        day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        return day + (moment - day) // self.width * self.width


HOUR = Interval(name="hour", width=timedelta(hours=1), usual=24, most=744)
DAY = Interval(name="day", width=timedelta(days=1), usual=30, most=400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From `start` on, up to and without `end`."""

    interval: Interval
    start: datetime
    end: datetime

    def parts(self, width: timedelta) -> Iterator[Period]:
        """Gives it in parts as wide as a number of whole intervals, the last one shorter."""
        start = self.start
        while start < self.end:
            end = min(start + width, self.end)
            yield replace(self, start=start, end=end)
            start = end


def period_of(
    interval: Interval, start: datetime | None, end: datetime | None, *, now: datetime
) -> Period:
    """Fills in what was not given; raises TimeRefused."""
    for field, moment in (("start_time", start), ("end_time", end)):
        if moment is not None and moment != interval.floor(moment):
            raise TimeRefused(field, f"must be a whole {interval.name} in UTC")
    end = end or interval.floor(now) + interval.width
    start = start or end - interval.usual * interval.width
    if start >= end:
        raise TimeRefused("end_time", "must be after `start_time`")
    if end - start > interval.most * interval.width:
        raise TimeRefused(
            "end_time", f"must be at most {interval.most} {interval.name}s after `start_time`"
        )
    return Period(interval=interval, start=start, end=end)
