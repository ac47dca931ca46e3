"""Moments and spans as people write and read them.

Text has the reader's own time and names its zone; JSON has RFC 3339 in UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import typer
from google.protobuf.timestamp_pb2 import Timestamp

from cli.durations import parse_duration

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?")
_FROM_NOW = re.compile(r"IN\s+")
_AGO = re.compile(r"\s+ago$", re.IGNORECASE)


def parse_moment(text: str) -> Timestamp:
    """Returns the moment of RFC 3339, or of a span from now; raises a usage error otherwise."""
    written = text.strip().upper()
    moment = Timestamp()
    if match := _RFC_3339.fullmatch(written):
        if match[2] is None:
            raise typer.BadParameter(f"{text!r} has no zone; add Z for UTC, or such as +01:00")
        try:
            moment.FromDatetime(datetime.fromisoformat(written).astimezone(UTC))
        except (ValueError, OverflowError):
            raise typer.BadParameter(f"{text!r} is no time that there is") from None
        return moment
    try:
        span = parse_duration(_FROM_NOW.sub("", written, count=1))
    except typer.BadParameter:
        raise typer.BadParameter(
            f"{text!r} is no time; write 2026-10-30T09:00:00Z, or a span from now such as 15m"
        ) from None
    moment.FromDatetime(datetime.now(UTC) + span)
    return moment


def parse_past_moment(text: str) -> Timestamp:
    """Returns the moment of RFC 3339, or of a span ago; raises a usage error otherwise."""
    if _RFC_3339.fullmatch(text.strip().upper()):
        return parse_moment(text)
    try:
        span = parse_duration(_AGO.sub("", text.strip(), count=1))
    except typer.BadParameter:
        raise typer.BadParameter(
            f"{text!r} is no time; write 2026-10-30T09:00:00Z, or how long ago, such as 2h"
        ) from None
    moment = Timestamp()
    try:
        moment.FromDatetime(datetime.now(UTC) - span)
    except OverflowError:
        raise typer.BadParameter(f"{text!r} is too long ago") from None
    return moment


def to_datetime(moment: Timestamp) -> datetime:
    """Returns the moment, aware and UTC."""
    return moment.ToDatetime(UTC)


def show_time(moment: Timestamp) -> str:
    """Returns the reader's time, such as `2026-10-30 09:41:03 UTC`; a dash for one not set."""
    if not moment.ByteSize():
        return "-"
    return f"{to_datetime(moment).astimezone():%Y-%m-%d %H:%M:%S %Z}"


def show_clock(moment: Timestamp) -> str:
    """Returns the reader's time of day, with its zone; a dash for a moment that is not set."""
    if not moment.ByteSize():
        return "-"
    return f"{to_datetime(moment).astimezone():%H:%M:%S %Z}"


def show_milliseconds(milliseconds: float) -> str:
    """Returns a span with the digits that matter: `3.4 ms`, `812 ms`, `12.4 s`, `5 min 3 s`."""
    size = abs(milliseconds)
    if size < 9.95:
        return f"{milliseconds:.1f} ms"
    if size < 9_999.5:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if size < 119_950:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
