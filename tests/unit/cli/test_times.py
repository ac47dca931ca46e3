"""Spans with the digits that matter."""

from __future__ import annotations

from datetime import timedelta

import pytest
import typer
from google.protobuf.timestamp_pb2 import Timestamp

from cli.durations import parse_duration, show_duration, to_proto
from cli.times import show_milliseconds, show_time


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
