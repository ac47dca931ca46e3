"""Spans of time as people write them: `90s`, `15m`, `12h`, `30d`."""

from __future__ import annotations

import re
from datetime import timedelta

import typer
from google.protobuf.duration_pb2 import Duration

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST = timedelta(days=36_500)
_FORM = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)([smhd])")


def parse_duration(text: str) -> timedelta:
    """Returns the span; raises a usage error for anything else."""
    match = _FORM.fullmatch(text.strip().lower())
    if match is None:
        raise typer.BadParameter(f"{text!r} is no span of time; write 90s, 15m, 12h or 30d")
    span = timedelta(**{_UNITS[match[2]]: float(match[1])})
    if span > _LONGEST:
        raise typer.BadParameter(f"{text!r} is too long")
    return span


def to_proto(span: timedelta) -> Duration:
    """Returns the span as a contract carries it."""
    duration = Duration()
    duration.FromTimedelta(span)
    return duration


def show_duration(duration: Duration) -> str:
    """Returns the span in its largest whole unit."""
    seconds = duration.ToTimedelta().total_seconds()
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"
