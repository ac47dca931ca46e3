"""The span in progress, and contexts of spans as text and as OpenTelemetry has them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from opentelemetry.trace import SpanContext, TraceFlags

from libs.trace import is_sampled, span_id, trace_id

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class Here(NamedTuple):
    """The span in progress and the service that makes it."""

    service: str
    context: SpanContext
    cause: SpanContext | None = None
    """The span in another process that this one follows."""

    @property
    def batches(self) -> tuple[SpanContext, ...]:
        """Returns what a stage inside links to."""
        return (self.context, self.cause) if self.cause else (self.context,)


_HERE: ContextVar[Here | None] = ContextVar("span", default=None)


def here() -> Here | None:
    """Returns the span of the batch or call in progress, if it has one."""
    return _HERE.get()


def current() -> SpanContext | None:
    """Returns its context."""
    found = _HERE.get()
    return found and found.context


def enter(found: Here | None) -> None:
    """Makes a span the current one for the rest of this task."""
    _HERE.set(found)


def context_of(traceparent: str) -> SpanContext:
    """Returns what a traceparent names; what is none names nothing, and no work fails over it."""
    return SpanContext(
        trace_id=_number(trace_id(traceparent)),
        span_id=_number(span_id(traceparent)),
        is_remote=True,
        trace_flags=_SAMPLED if is_sampled(traceparent) else TraceFlags(0),
    )


def traceparent_of(context: SpanContext) -> str:
    """Returns what travels of a span."""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-01"


@contextmanager
def inside(found: Here) -> Iterator[None]:
    """Makes a span the current one until left."""
    token = _HERE.set(found)
    try:
        yield
    finally:
        _HERE.reset(token)


def new_context(parent: SpanContext | None) -> SpanContext:
    """Returns the context of a new span under `parent`, or of a new trace."""
    trace = parent.trace_id if parent else int.from_bytes(os.urandom(16), "big") or 1
    return SpanContext(
        trace_id=trace,
        span_id=int.from_bytes(os.urandom(8), "big") or 1,
        is_remote=False,
        trace_flags=_SAMPLED,
    )


def _number(digits: str) -> int:
    try:
        return int(digits, 16)
    except ValueError:
        return 0
