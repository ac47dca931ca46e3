"""Spans of messages that carry deliveries: published here, received there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from opentelemetry.trace import SpanContext, SpanKind

from libs.telemetry import names
from libs.telemetry.calls import HEADER
from libs.telemetry.contexts import context_of, current
from libs.telemetry.tracing import Attributes, Spans, Traced
from libs.trace import is_valid

# What OpenTelemetry keeps of one span.
_MOST_LINKS = 128


def publishing(
    spans: Spans,
    traceparents: Sequence[str],
    *,
    system: str,
    exchange: str,
    routing_key: str,
    size: int,
) -> AbstractContextManager[SpanContext | None]:
    """Spans the publication of a message that brings `size` deliveries, with links to the
    notifications of those that are traced; gives the context to send along, if there are any."""
    if not traceparents:
        return nullcontext()
    destination = f"{exchange}:{routing_key}"
    return spans.span(
        f"{names.PUBLISH} {destination}",
        current() or (context_of(traceparents[0]) if size == 1 else None),
        kind=SpanKind.PRODUCER,
        attributes=_attributes(names.PUBLISH, "send", system, destination, routing_key, size),
        links=[context_of(traceparent) for traceparent in traceparents[:_MOST_LINKS]],
    )


def receiving(
    spans: Spans,
    headers: Mapping[str, str],
    traced: Sequence[Traced],
    *,
    system: str,
    exchange: str,
    routing_key: str,
    queue: str,
    size: int,
) -> AbstractContextManager[SpanContext | None]:
    """Spans what is done with a message until it is acknowledged, if any of its deliveries is traced;
    it follows the publication, and stages inside link to both."""
    if not traced:
        return nullcontext()
    sent = headers.get(HEADER)
    cause = context_of(sent) if sent and is_valid(sent) else None
    destination = f"{exchange}:{routing_key}:{queue}"
    return spans.span(
        f"{names.RECEIVE} {destination}",
        cause or (context_of(traced[0].traceparent) if size == 1 else None),
        kind=SpanKind.CONSUMER,
        attributes=_attributes(names.RECEIVE, "receive", system, destination, routing_key, size),
        links=[cause] if cause else [],
        cause=cause,
    )


def _attributes(
    name: str, kind: str, system: str, destination: str, routing_key: str, size: int
) -> Attributes:
    return {
        names.MESSAGING_SYSTEM: system,
        names.MESSAGING_OPERATION_NAME: name,
        names.MESSAGING_OPERATION_TYPE: kind,
        names.MESSAGING_DESTINATION: destination,
        names.MESSAGING_ROUTING_KEY: routing_key,
        names.MESSAGING_BATCH_COUNT: size,
    }
