"""What is told of an RPC that is answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

import grpc
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from libs.telemetry import calls, contexts, metrics, names, tracing
from libs.telemetry.calls import ServerCall
from libs.trace import begin, trace_id

METHOD = "/tidings.ingestion.v1.IngestionService/SendNotification"
SAMPLED = begin(sampled=True)


class Context:
    """The metadata of a call, and the code that it was given."""

    def __init__(self, traceparent: str = "") -> None:
        self._metadata = (("traceparent", traceparent),) if traceparent else ()

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return self._metadata

    def code(self) -> grpc.StatusCode | None:
        return None


def server_call(traceparent: str = "") -> ServerCall:
    context = cast(grpc.aio.ServicerContext[Any, Any], Context(traceparent))
    return ServerCall(METHOD, context, choose=True)


@pytest.fixture
def measured() -> Iterator[InMemoryMetricReader]:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    metrics.write_to(provider.get_meter("test"))
    yield reader
    metrics.write_to(None)
    provider.shutdown()


@pytest.fixture
def written() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    resource = Resource.get_empty()
    tracing.export_to(tracing.Exporting(SimpleSpanProcessor(exporter), lambda _: resource))
    yield exporter
    tracing.export_to(None)


def measured_by(
    reader: InMemoryMetricReader, name: str = names.RPC_SERVER_DURATION
) -> HistogramDataPoint:
    """Returns the only series of a histogram."""
    data = reader.get_metrics_data()
    assert data is not None
    (found,) = (
        metric
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
        if metric.name == name
    )
    (point,) = found.data.data_points
    assert isinstance(point, HistogramDataPoint)
    return point


def test_a_clock_that_is_set_back_meanwhile_changes_no_duration(
    monkeypatch: pytest.MonkeyPatch,
    measured: InMemoryMetricReader,
    written: InMemorySpanExporter,
) -> None:
    with server_call(SAMPLED):
        an_hour_ago = time.time_ns() - 3600 * 10**9
        monkeypatch.setattr(time, "time_ns", lambda: an_hour_ago)
    point = measured_by(measured)
    assert point.count == 1
    assert 0 <= point.sum < 60
    (span,) = written.get_finished_spans()
    assert span.start_time is not None
    assert span.end_time is not None
    assert 0 < span.end_time - span.start_time < 60 * 10**9


async def test_a_stream_that_its_server_dropped_was_cancelled_and_is_no_fault(
    measured: InMemoryMetricReader, written: InMemorySpanExporter
) -> None:
    async def stream() -> AsyncIterator[int]:
        with server_call(SAMPLED):
            yield 1
            await asyncio.Event().wait()

    answers = stream()
    assert await anext(answers) == 1
    # What happens to a generator whose last message could not be written.
    await cast(Any, answers).aclose()
    attributes = measured_by(measured).attributes or {}
    assert attributes[names.RPC_STATUS] == "CANCELLED"
    (span,) = written.get_finished_spans()
    assert span.status.is_ok or span.status.is_unset


def test_a_sampled_call_has_no_span_where_none_is_written() -> None:
    with server_call(SAMPLED):
        assert contexts.here() is None
        # Its notification goes on in the caller's trace all the same.
        assert calls.current_call() == (SAMPLED, True)


def test_the_span_of_a_call_is_the_callers_child(written: InMemorySpanExporter) -> None:
    with server_call(SAMPLED):
        assert contexts.here() is not None
    (span,) = written.get_finished_spans()
    assert span.parent is not None
    assert contexts.traceparent_of(span.parent) == SAMPLED
    assert f"{span.context.trace_id:032x}" == trace_id(SAMPLED)


@pytest.mark.parametrize("text", ["01", f"{SAMPLED}-x", SAMPLED.upper(), f"ff{SAMPLED[2:]}"])
def test_the_share_decides_where_the_callers_context_is_malformed(text: str) -> None:
    try:
        for ratio, chosen in ((0.0, False), (1.0, True)):
            calls.sample(ratio)
            with server_call(text):
                assert not calls.current_call().given
                assert bool(calls.current_call().traceparent) is chosen
    finally:
        calls.sample(0.0)


@pytest.mark.parametrize(("shorter", "longer"), [(0.0007, 0.002), (0.002, 0.004), (30, 120)])
@pytest.mark.parametrize("name", [names.RPC_SERVER_DURATION, names.ACCEPT_TO_STREAM])
def test_what_takes_a_millisecond_is_told_from_what_takes_a_few_and_seconds_from_minutes(
    name: str, shorter: float, longer: float, measured: InMemoryMetricReader
) -> None:
    for seconds in (shorter, longer):
        metrics.call_answered(METHOD, "OK", seconds, None)
        metrics.written_to_stream(seconds, "")
    assert list(measured_by(measured, name).bucket_counts).count(1) == 2
