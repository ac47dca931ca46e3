"""W3C trace context as text: what a call brings, and what a notification carries from then on.

The flag of a notification's `traceparent` is decided when it is accepted and never again. If it is
set, the span id in it is that of the notification's first span, under which all its others hang.
"""

from __future__ import annotations

import random
import re
from typing import NamedTuple

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_LENGTH = 55
# The lowest bit of the flags is the decision.
_SAMPLED = frozenset("13579bdf")


class Carried(NamedTuple):
    """Trace context of a notification."""

    traceparent: str
    """What is stored and travels on."""
    call: str
    """Span of the call that brought it, which the first span names; empty when there is none to name."""


def is_valid(traceparent: str | None) -> bool:
    """Says whether it can be continued (W3C Trace Context, version 00)."""
    return traceparent is not None and _TRACEPARENT.fullmatch(traceparent) is not None


def is_sampled(traceparent: str) -> bool:
    """Says whether spans are made for it."""
    return len(traceparent) == _LENGTH and traceparent[-1] in _SAMPLED


def trace_id(traceparent: str) -> str:
    """Returns the 32 hexadecimal digits of the trace id."""
    return traceparent[3:35]


def span_id(traceparent: str) -> str:
    """Returns the 16 hexadecimal digits of the span id."""
    return traceparent[36:52]


def begin(*, sampled: bool) -> str:
    """Returns the context of a new trace. Its ids are told apart, not kept secret, so they are drawn
    without asking the operating system: every notification draws them, traced or not."""
    ids = random.randbytes(24).hex()
    return f"00-{ids[:32]}-{ids[32:]}-{'01' if sampled else '00'}"


def in_trace_of(call: str) -> Carried:
    """Returns the context of a notification that is alone in its call: one trace from there on.

    `call` is a valid traceparent, or empty: the call was looked at and not chosen.
    """
    if not call:
        return Carried(begin(sampled=False), "")
    if not is_sampled(call):
        return Carried(call, "")
    return Carried(f"00-{trace_id(call)}-{random.randbytes(8).hex()}-01", call)


def beside_others(call: str, *, given: bool, ratio: float) -> Carried:
    """Returns the context of one notification of many in a call: a trace of its own.

    The caller's decision holds if it `gave` one; else a `ratio` of all is sampled, each for itself.
    """
    if given and not is_sampled(call):
        return Carried(call, "")
    if given or random.random() < ratio:
        return Carried(begin(sampled=True), call if is_sampled(call) else "")
    return Carried(begin(sampled=False), "")
