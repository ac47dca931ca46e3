"""Spans with the digits that matter, and moments as they are written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import typer
from google.protobuf.timestamp_pb2 import Timestamp

from cli.durations import parse_duration, show_duration, to_proto
from cli.times import parse_moment, show_clock, show_milliseconds, show_time
from tests.unit.cli.notifications import at


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [
        (0, "0.0 ms"),
        (3.44, "3.4 ms"),
        (9.96, "10 ms"),
        (812.4, "812 ms"),
        (9_999, "9999 ms"),
        (10_000, "10.0 s"),
        (119_900, "119.9 s"),
        (303_000, "5 min 3 s"),
        (3_600_000 * 5 + 120_000, "5 h 2 min"),
        (-1.25, "-1.2 ms"),
    ],
)
def test_milliseconds(milliseconds: float, shown: str) -> None:
    assert show_milliseconds(milliseconds) == shown


def test_a_moment_that_is_not_set() -> None:
    assert show_time(Timestamp()) == "-"
    assert show_clock(Timestamp()) == "-"


@pytest.mark.parametrize(
    ("zone_name", "shown"),
    [
        ("UTC", "2026-10-30 09:41:03 UTC"),
        ("Europe/Berlin", "2026-10-30 10:41:03 CET"),
        ("Asia/Kathmandu", "2026-10-30 15:26:03 +0545"),
    ],
)
def test_moments_are_shown_in_the_readers_zone_by_name(
    zone: Callable[[str], None], zone_name: str, shown: str
) -> None:
    zone(zone_name)
    assert show_time(at(0)) == shown
    assert show_clock(at(0)) == shown.split(maxsplit=1)[1]


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90s", timedelta(seconds=90)),
        ("0.5s", timedelta(milliseconds=500)),
        ("15m", timedelta(minutes=15)),
        ("12h", timedelta(hours=12)),
        ("30D", timedelta(days=30)),
    ],
)
def test_durations(text: str, span: timedelta) -> None:
    assert parse_duration(text) == span


@pytest.mark.parametrize("text", ["", "90", "s", "-1s", "1w", "1h30m", "999999999d"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_duration(text)


@pytest.mark.parametrize("text", ["3d", "36h", "30m", "90s", "1.5s", "0s"])
def test_durations_are_shown_as_they_are_written(text: str) -> None:
    assert show_duration(to_proto(parse_duration(text))) == text


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-10-30T09:41:03Z", "2026-10-30T09:41:03Z"),
        ("2026-10-30t09:41:03.25z", "2026-10-30T09:41:03.250Z"),
        ("2026-10-30 09:41:03+05:30", "2026-10-30T04:11:03Z"),
        (" 2024-02-29T00:00:00-01:00 ", "2024-02-29T01:00:00Z"),
    ],
)
def test_moments(text: str, moment: str) -> None:
    assert parse_moment(text).ToJsonString() == moment


@pytest.mark.parametrize("text", ["15m", "in 15m", "IN  15M"])
def test_moments_from_now(text: str) -> None:
    before = datetime.now(UTC)
    moment = parse_moment(text).ToDatetime(UTC)
    assert before <= moment - timedelta(minutes=15) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("2026-10-30T09:41:03", "has no zone"),
        ("2026-02-30T09:41:03Z", "is no time that there is"),
        ("0001-01-01T00:00:00+01:00", "is no time that there is"),
        ("2026-10-30", "is no time; write"),
        ("20261030T094103Z", "is no time; write"),
        ("in", "is no time; write"),
        ("in a while", "is no time; write"),
        ("", "is no time; write"),
    ],
)
def test_what_is_no_moment(text: str, complaint: str) -> None:
    with pytest.raises(typer.BadParameter, match=complaint):
        parse_moment(text)
