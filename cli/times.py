"""Moments and spans as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp


def to_datetime(moment: Timestamp) -> datetime:
    """Returns the moment, aware and UTC."""
    return moment.ToDatetime(UTC)


def show_time(moment: Timestamp) -> str:
    """Returns `2026-10-30 09:41:03 UTC`; a dash for a moment that is not set."""
    if not moment.ByteSize():
        return "-"
    return f"{to_datetime(moment):%Y-%m-%d %H:%M:%S} UTC"


def show_local_clock(moment: Timestamp) -> str:
    """Returns the reader's time of day; a dash for a moment that is not set."""
    if not moment.ByteSize():
        return "-"
    return f"{to_datetime(moment).astimezone():%H:%M:%S}"


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
