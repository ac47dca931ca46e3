"""An OTLP receiver: what the real exporters send over gRPC, kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics_service
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace_service
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1 import trace_pb2


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A span as it was received; ids are hexadecimal."""

    service: str
    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    begun: int
    ended: int
    attributes: Mapping[str, str | int]
    links: tuple[tuple[str, str], ...]
    """Trace and span ids."""
    failed: bool

    @property
    def key(self) -> tuple[str, str]:
        """What a link to it says."""
        return self.trace_id, self.span_id


class Receiver:
    """Keeps all that comes, in order."""

    def __init__(self) -> None:
        self.address = ""
        self.spans: list[Span] = []
        self.metrics: list[tuple[str, Metric]] = []
        """With the name of the service that sent them."""
        self.received: list[bytes] = []
        """Every request, as it was on the wire."""
        self.headers: list[dict[str, str | bytes]] = []
        """What came along with each."""

    @property
    def endpoint(self) -> str:
        """What `OTEL_EXPORTER_OTLP_ENDPOINT` is to say."""
        return f"http://{self.address}"

    def named(self, name: str) -> list[Span]:
        """Returns the spans of that name."""
        return [span for span in self.spans if span.name == name]

    def of_trace(self, trace_id: str) -> list[Span]:
        """Returns the spans of a trace."""
        return [span for span in self.spans if span.trace_id == trace_id]

    # Any: the methods are told apart by their requests, which the two services share names for.
    async def export_spans(self, request: Any) -> Any:
        """`TraceService.Export`."""
        self.received.append(request.SerializeToString())
        for resource in request.resource_spans:
            service = str(_plain(resource.resource.attributes)["service.name"])
            for scope in resource.scope_spans:
                self.spans += [_span(service, span) for span in scope.spans]
        return trace_service.ExportTraceServiceResponse()

    async def export_metrics(self, request: Any) -> Any:
        """`MetricsService.Export`."""
        self.received.append(request.SerializeToString())
        for resource in request.resource_metrics:
            service = str(_plain(resource.resource.attributes)["service.name"])
            for scope in resource.scope_metrics:
                self.metrics += [(service, metric) for metric in scope.metrics]
        return metrics_service.ExportMetricsServiceResponse()


class _Traces(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    async def Export(self, request: Any, context: Any) -> Any:
        self._receiver.headers.append(dict(context.invocation_metadata()))
        return await self._receiver.export_spans(request)


class _Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    async def Export(self, request: Any, context: Any) -> Any:
        self._receiver.headers.append(dict(context.invocation_metadata()))
        return await self._receiver.export_metrics(request)


@asynccontextmanager
async def open_receiver() -> AsyncIterator[Receiver]:
    """Receives on a free port of 127.0.0.1 until left."""
    receiver = Receiver()
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", 64 << 20)])
    # Generated without types.
    add_traces: Any = trace_service_pb2_grpc.add_TraceServiceServicer_to_server
    add_metrics: Any = metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server
    add_traces(_Traces(receiver), server)
    add_metrics(_Metrics(receiver), server)
    receiver.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield receiver
    finally:
        await server.stop(0)


@asynccontextmanager
async def open_silence() -> AsyncIterator[str]:
    """Gives an endpoint that accepts connections and never says a word."""
    held: list[asyncio.StreamWriter] = []

    async def hold(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.close()
        for writer in held:
            writer.close()


def _span(service: str, span: trace_pb2.Span) -> Span:
    return Span(
        service=service,
        name=span.name,
        kind=span.kind,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        begun=span.start_time_unix_nano,
        ended=span.end_time_unix_nano,
        attributes=_plain(span.attributes),
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
        failed=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
    )


def _plain(attributes: Any) -> dict[str, str | int]:
    pairs: dict[str, str | int] = {}
    entry: KeyValue
    for entry in attributes:
        kind = entry.value.WhichOneof("value")
        pairs[entry.key] = getattr(entry.value, kind) if kind else ""
    return pairs
