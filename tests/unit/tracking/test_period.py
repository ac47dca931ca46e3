"""The time that is counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.tracking.domain.errors import TimeRefused
from services.tracking.domain.period import DAY, HOUR, Interval, Period, period_of

NOW = datetime(2026, 3, 1, 5, 42, tzinfo=UTC)


def test_the_interval_under_way_is_counted_too() -> None:
    hours = period_of(HOUR, None, None, now=NOW)
    assert hours.end == datetime(2026, 3, 1, 6, tzinfo=UTC)
    assert hours.start == hours.end - timedelta(hours=24)
    days = period_of(DAY, None, None, now=NOW)
    assert days.end == datetime(2026, 3, 2, tzinfo=UTC)
    assert days.start == days.end - timedelta(days=30)


@pytest.mark.parametrize("interval", [HOUR, DAY])
def test_the_most_is_counted_and_not_one_more(interval: Interval) -> None:
    end = interval.floor(NOW)
    start = end - interval.most * interval.width
    assert period_of(interval, start, end, now=NOW).start == start
    with pytest.raises(TimeRefused, match="at most"):
        period_of(interval, start - interval.width, end, now=NOW)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (NOW, None),
        (None, NOW),
        (HOUR.floor(NOW), HOUR.floor(NOW)),
        (HOUR.floor(NOW) + timedelta(hours=9), None),
    ],
)
def test_a_time_that_makes_no_sense_is_refused(
    start: datetime | None, end: datetime | None
) -> None:
    with pytest.raises(TimeRefused):
        period_of(HOUR, start, end, now=NOW)


def test_parts_are_the_whole_one_after_the_other() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    whole = Period(interval=DAY, start=start, end=start + timedelta(days=65))
    parts = list(whole.parts(timedelta(days=30)))
    assert [(p.end - p.start).days for p in parts] == [30, 30, 5]
    assert [p.start for p in parts[1:]] == [p.end for p in parts[:-1]]
    assert (parts[0].start, parts[-1].end) == (whole.start, whole.end)
