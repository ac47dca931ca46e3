"""Opens the telemetry of a process, as its environment says, and closes it in a bounded time."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from typing import TypeVar
from urllib.parse import unquote

from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from libs.config import Environ, SettingError
from libs.telemetry import calls, metrics, names, tracing
from libs.telemetry.config import TelemetrySettings
from libs.telemetry.prometheus import PrometheusListener, PrometheusReader

_log = logging.getLogger(__name__)

_FLUSH_SECONDS = 5.0
_EXPORT_SECONDS = 5
_QUEUE = 16_384
_BATCH = 512
_QUIET = NoOpMeterProvider()
_HEADERS = "OTEL_EXPORTER_OTLP_HEADERS"
_NAME = re.compile(r"[0-9a-z_.-]+(?<!-bin)")
_TEXT = re.compile(r"[ -~]*")
_Exporter = TypeVar("_Exporter", OTLPSpanExporter, OTLPMetricExporter)


@contextmanager
def open_telemetry(environ: Environ, services: Sequence[str]) -> Iterator[str]:
    """Has what this process tells go where `environ` says, until left; gives the address where
    metrics are scraped, or an empty text. Raises SettingError.

    Leaving sends what is left, and takes no longer than seconds whatever the receiver does.
    """
    settings = TelemetrySettings.from_environ(environ)
    host = f"tidings.{services[0]}" if len(services) == 1 else "tidings"
    address = ""
    with ExitStack() as stack:
        readers: list[MetricReader] = []
        closing: list[Callable[[], object]] = []
        if settings.endpoint:
            # Where no span goes, nobody is told that there is one.
            calls.sample(settings.ratio)
            stack.callback(calls.sample, 0.0)
            spans = BatchSpanProcessor(
                _exporter(OTLPSpanExporter, settings),
                max_queue_size=_QUEUE,
                max_export_batch_size=_BATCH,
                schedule_delay_millis=settings.span_interval,
                meter_provider=_QUIET,
            )
            closing.append(spans.shutdown)
            resource_of = lru_cache(lambda service: _resource(settings, f"tidings.{service}"))
            tracing.export_to(tracing.Exporting(spans, resource_of))
            stack.callback(tracing.export_to, None)
            readers.append(
                PeriodicExportingMetricReader(
                    _exporter(OTLPMetricExporter, settings),
                    export_interval_millis=settings.metric_interval,
                    export_timeout_millis=_EXPORT_SECONDS * 1000,
                )
            )
        if settings.metrics_address:
            scraped = PrometheusReader()
            readers.append(scraped)
            listener = PrometheusListener(scraped, settings.metrics_address)
            stack.callback(listener.close)
            address = listener.address
            _log.info("metrics_served", extra={"address": address})
        if readers:
            provider = MeterProvider(readers, _resource(settings, host), shutdown_on_exit=False)
            metrics.write_to(provider.get_meter("tidings"))
            stack.callback(metrics.write_to, None)
            closing.append(provider.shutdown)
        stack.callback(_close, closing)
        yield address


def _close(closing: Sequence[Callable[[], object]]) -> None:
    """Sends what is left, each kind in a thread that dies with the process if it hangs."""
    threads = [threading.Thread(target=close, daemon=True) for close in closing]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + _FLUSH_SECONDS
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0.0))
    if any(thread.is_alive() for thread in threads):
        _log.warning("telemetry_not_flushed")


def _exporter(kind: type[_Exporter], settings: TelemetrySettings) -> _Exporter:
    return kind(
        endpoint=settings.endpoint,
        insecure=settings.endpoint.startswith("http:"),
        headers=_headers(settings.headers),
        timeout=_EXPORT_SECONDS,
    )


def _headers(value: str) -> dict[str, str]:
    """Reads headers as gRPC takes them; with one that it does not, every export would fail."""
    pairs = _pairs(_HEADERS, value)
    headers = {name.lower(): text for name, text in pairs.items()}
    if not all(_NAME.fullmatch(name) and _TEXT.fullmatch(headers[name]) for name in headers):
        raise SettingError(f"{_HEADERS} must be names and values of HTTP headers, in ASCII")
    return headers


def _resource(settings: TelemetrySettings, default_name: str) -> Resource:
    attributes = _pairs("OTEL_RESOURCE_ATTRIBUTES", settings.attributes)
    name = settings.service_name or attributes.get(names.SERVICE_NAME, default_name)
    return Resource.create({**attributes, names.SERVICE_NAME: name})


def _pairs(variable: str, value: str) -> dict[str, str]:
    """Reads `name=value,name=value`, percent-encoded as OpenTelemetry has it."""
    pairs = {}
    for entry in filter(None, map(str.strip, value.split(","))):
        name, separator, text = entry.partition("=")
        if not separator:
            raise SettingError(f"{variable} must be name=value pairs with commas between")
        pairs[name.strip()] = unquote(text.strip())
    return pairs
