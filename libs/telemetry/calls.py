"""Spans and durations of RPCs, on both ends, and the trace context of the call in progress."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from types import TracebackType
from typing import Any, NamedTuple, Self

import grpc
from opentelemetry.trace import SpanContext, SpanKind

from libs.telemetry import contexts, metrics, names, tracing
from libs.trace import begin, is_sampled, is_valid

HEADER = "traceparent"
"""Key of the trace context in gRPC metadata and in the headers of messages."""
_CODES: dict[Any, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}

_ratio = 0.0


def sample(ratio: float) -> None:
    """Has this share of the calls without trace context traced."""
    global _ratio  # noqa: PLW0603 - a process has one telemetry
    _ratio = ratio


def ratio() -> float:
    """Returns the share of what comes without trace context that is traced."""
    return _ratio


class Call(NamedTuple):
    """Trace context of the call in progress."""

    traceparent: str = ""
    """The caller's; without one our own if the call was chosen to be traced, else empty."""
    given: bool = False
    """Whether it is the caller's."""


_UNTRACED = Call()
_CALL: ContextVar[Call] = ContextVar("call", default=_UNTRACED)


def current_call() -> Call:
    """Returns the trace context of the RPC in progress."""
    return _CALL.get()


def trace_context_of(metadata: Iterable[tuple[str, str | bytes]], *, choose: bool) -> Call:
    """Returns the caller's trace context; without one, `choose` has a share of the calls traced."""
    for key, value in metadata:
        if key == HEADER and isinstance(value, str) and is_valid(value):
            return Call(value, given=True)
    if choose and _ratio and random.random() < _ratio:
        return Call(begin(sampled=True))
    return _UNTRACED


class ServerCall:
    """An RPC that is being answered. Its duration is measured; a sampled one gets a span, if spans are
    written."""

    def __init__(
        self, method: str, context: grpc.aio.ServicerContext[Any, Any], *, choose: bool
    ) -> None:
        self._method = method.removeprefix("/")
        self._context = context
        self._choose = choose
        _, area, following, *_ = self._method.split(".")
        self._service = following if area == "internal" else area
        self._span: SpanContext | None = None

    def __enter__(self) -> Self:
        self._begun = time.time_ns()
        # A clock that is set while the call runs changes no duration.
        self._started = time.perf_counter_ns()
        self._call = trace_context_of(
            self._context.invocation_metadata() or (), choose=self._choose
        )
        _CALL.set(self._call)
        if tracing.is_exporting() and is_sampled(self._call.traceparent):
            # Without a caller the context that was begun is this very span's.
            asked = contexts.context_of(self._call.traceparent)
            self._span = contexts.new_context(asked) if self._call.given else asked
        contexts.enter(self._span and contexts.Here(self._service, self._span))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        took = time.perf_counter_ns() - self._started
        status = self._status(error)
        metrics.call_answered(self._method, status, took / 1e9, self._span)
        if self._span is None:
            return
        tracing.Spans(self._service).write(
            self._method,
            self._span,
            contexts.context_of(self._call.traceparent) if self._call.given else None,
            begun=self._begun,
            ended=self._begun + took,
            kind=SpanKind.SERVER,
            attributes={
                names.RPC_SYSTEM: names.GRPC,
                names.RPC_METHOD: self._method,
                names.RPC_STATUS: status,
            },
            error=status if status in _SERVER_FAULTS else "",
        )

    def _status(self, error: BaseException | None) -> str:
        # A stream that nobody reads any more is cancelled, or left where it waits and then closed.
        if isinstance(error, asyncio.CancelledError | GeneratorExit):
            return grpc.StatusCode.CANCELLED.name
        # Whatever ended the call has set its code; nothing did if it went well.
        code: Any = self._context.code()
        if isinstance(code, int):
            code = _CODES[code]
        if code is None:
            code = grpc.StatusCode.OK if error is None else grpc.StatusCode.UNKNOWN
        name: str = code.name
        return name


_SERVER_FAULTS = frozenset(
    code.name
    for code in (
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    )
)


def asking(method: str) -> AbstractContextManager[SpanContext | None]:
    """Spans an RPC to another service if it is made for something that is traced; gives the context
    that goes along."""
    found = contexts.here()
    if found is None:
        return nullcontext()
    method = method.removeprefix("/")
    return tracing.Spans(found.service).span(
        method,
        found.context,
        kind=SpanKind.CLIENT,
        attributes={names.RPC_SYSTEM: names.GRPC, names.RPC_METHOD: method},
    )
