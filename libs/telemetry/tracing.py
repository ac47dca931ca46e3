"""Spans, written whole when they have ended, and only for what is sampled.

A notification's stages are spans of its own trace. What is done for many at once is a span of the
batch, to which their stages link. A batch of one notification belongs to its trace instead.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol, TypeVar

import grpc
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode

from libs.telemetry import names
from libs.telemetry.contexts import Here, context_of, current, enter, inside, new_context
from libs.trace import is_sampled

Attributes = Mapping[str, str | int]

_SCOPE = InstrumentationScope("tidings")


class Traced(Protocol):
    """What has a trace context: a notification, or what was made of it."""

    @property
    def traceparent(self) -> str:
        """Its W3C traceparent; may be empty."""


Item = TypeVar("Item", bound=Traced)


class Exporting:
    """Where the spans of this process go."""

    def __init__(self, processor: SpanProcessor, resource_of: Callable[[str], Resource]) -> None:
        self.processor = processor
        self.resource_of = resource_of


_exporting: Exporting | None = None


def export_to(exporting: Exporting | None) -> None:
    """Has spans written from now on, or no longer."""
    global _exporting  # noqa: PLW0603 - a process has one telemetry
    _exporting = exporting


def is_exporting() -> bool:
    """Says whether spans are written."""
    return _exporting is not None


def sampled(items: Iterable[Item]) -> list[Item]:
    """Returns those for which spans are made; none while there is nowhere to write them to."""
    if _exporting is None:
        return []
    return [item for item in items if is_sampled(item.traceparent)]


class Spans:
    """Writes the spans of one service."""

    def __init__(self, service: str) -> None:
        self._service = service

    def batch(
        self,
        name: str,
        traced: Sequence[Traced],
        *,
        size: int,
        apart: bool = False,
        parent: SpanContext | None = None,
    ) -> AbstractContextManager[SpanContext | None]:
        """Spans what is done for `size` notifications at once, if any of them is `traced`.

        Gives the span's context, to be linked to. `apart`: whatever span this task inherited is not
        the cause, and it is forgotten.
        """
        if not traced or _exporting is None:
            if apart:
                enter(None)
            return nullcontext()
        parent = parent or (None if apart else current())
        if parent is None and size == 1:
            parent = context_of(traced[0].traceparent)
        attributes = {names.BATCH_SIZE: size}
        return self.span(name, parent, kind=SpanKind.INTERNAL, attributes=attributes)

    def sql(self, summary: str, *, size: int) -> AbstractContextManager[SpanContext | None]:
        """Spans a statement, or a transaction by its main one, for `size` rows, if what it is done for
        is spanned."""
        found = current()
        if found is None:
            return nullcontext()
        return self.span(
            summary,
            found,
            kind=SpanKind.CLIENT,
            attributes={
                names.DB_SYSTEM: names.POSTGRESQL,
                names.DB_SUMMARY: summary,
                names.DB_BATCH_SIZE: size,
            },
        )

    @contextmanager
    def span(
        self,
        name: str,
        parent: SpanContext | None,
        *,
        kind: SpanKind,
        attributes: Attributes,
        links: Sequence[SpanContext] = (),
        cause: SpanContext | None = None,
    ) -> Iterator[SpanContext]:
        """Spans a block, in which it is the current one."""
        context = new_context(parent)
        begun = time.time_ns()
        error = ""
        try:
            with inside(Here(self._service, context, cause)):
                yield context
        except BaseException as raised:
            error = _error_type(raised)
            raise
        finally:
            self.write(
                name,
                context,
                parent,
                begun=begun,
                ended=time.time_ns(),
                kind=kind,
                attributes=attributes,
                links=links,
                error=error,
            )

    def stage(
        self,
        name: str,
        traceparent: str,
        attributes: Attributes,
        *,
        begun: int,
        ended: int,
        batches: Sequence[SpanContext | None] = (),
        error: str = "",
    ) -> None:
        """Writes a stage of a sampled notification, with links to what was done for many at once.

        Times are nanoseconds since 1970.
        """
        parent = context_of(traceparent)
        self.write(
            name,
            new_context(parent),
            parent,
            begun=begun,
            ended=ended,
            attributes=attributes,
            links=[batch for batch in batches if batch is not None],
            error=error,
        )

    def first_stage(
        self,
        name: str,
        traceparent: str,
        call: str,
        attributes: Attributes,
        *,
        begun: int,
        ended: int,
        batches: Sequence[SpanContext | None] = (),
    ) -> None:
        """Writes the span that a notification's traceparent names: a child of the call's span, or in a
        trace of its own with a link to it."""
        own = context_of(traceparent)
        cause = context_of(call) if call else None
        inside = cause is not None and cause.trace_id == own.trace_id
        links = [batch for batch in batches if batch is not None]
        if cause is not None and not inside:
            links.insert(0, cause)
        self.write(
            name,
            own,
            cause if inside else None,
            begun=begun,
            ended=ended,
            attributes=attributes,
            links=links,
        )

    def write(
        self,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        *,
        begun: int,
        ended: int,
        attributes: Attributes,
        kind: SpanKind = SpanKind.INTERNAL,
        links: Sequence[SpanContext] = (),
        error: str = "",
    ) -> None:
        """Hands a finished span to the exporter; `error` is a type, never a text."""
        exporting = _exporting
        if exporting is None:
            return
        exporting.processor.on_end(
            ReadableSpan(
                name,
                context,
                parent,
                resource=exporting.resource_of(self._service),
                attributes={**attributes, names.ERROR_TYPE: error} if error else attributes,
                links=[Link(linked) for linked in links],
                kind=kind,
                status=Status(StatusCode.ERROR) if error else Status(StatusCode.UNSET),
                start_time=begun,
                end_time=max(begun, ended),
                instrumentation_scope=_SCOPE,
            )
        )


def _error_type(error: BaseException) -> str:
    """Returns a word from a bounded set; an error's own text may hold anything."""
    if isinstance(error, grpc.aio.AioRpcError):
        return error.code().name
    return type(error).__name__
