"""The metrics as Prometheus scrapes them; OpenMetrics with exemplars for who asks for it.

The exporter that OpenTelemetry ships for this leaves exemplars out.
"""

from __future__ import annotations

import re
import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import suppress
from wsgiref.simple_server import WSGIRequestHandler

from opentelemetry.sdk.metrics.export import (
    Gauge,
    Histogram,
    HistogramDataPoint,
    MetricReader,
    MetricsData,
    NumberDataPoint,
    Sum,
)
from opentelemetry.sdk.metrics.export import Metric as OtelMetric
from prometheus_client import CollectorRegistry, Metric, start_http_server
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from libs.config import SettingError

Exemplars = dict[tuple[tuple[object, ...], int], Exemplar]
"""By series and number of the bucket."""

_UNFIT = re.compile(r"[^a-zA-Z0-9_]")
_UNITS = {"s": "seconds"}
_SCRAPE_SECONDS = 30.0


class PrometheusReader(MetricReader):
    """Reads the metrics when a scrape comes."""

    def __init__(self) -> None:
        super().__init__()
        self._read = threading.local()
        # What is read is forgotten by the reservoirs, but each scraper wants to see it.
        self._exemplars: Exemplars = {}

    def scrape(self) -> Iterator[Metric]:
        """Yields what there is now."""
        self._read.data = None
        self.collect()
        data: MetricsData | None = self._read.data
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                yield from (family_of(metric, self._exemplars) for metric in scope.metrics)

    def _receive_metrics(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: object
    ) -> None:
        self._read.data = metrics_data

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: object) -> None:
        """Has nothing to end."""


class _Scrape(WSGIRequestHandler):
    """One connection. Who asks nothing, or does not read the answer, keeps its thread for a bounded
    time; who hangs up is nobody's fault, and no line on stderr."""

    timeout = _SCRAPE_SECONDS

    def handle(self) -> None:
        with suppress(OSError):
            super().handle()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base
        """Says nothing of scrapes."""


class PrometheusListener(Collector):
    """An HTTP listener in a thread of its own."""

    def __init__(self, reader: PrometheusReader, address: str) -> None:
        """Listens on `host:port`, port 0 for a free one; raises SettingError when it cannot."""
        self._reader = reader
        host, _, port = address.rpartition(":")
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        try:
            self._server, self._thread = start_http_server(int(port), host.strip("[]"), registry)
        except (OSError, OverflowError) as error:
            raise SettingError(
                f"TIDINGS_METRICS_ADDRESS: cannot listen on {address!r}; write host:port of this machine"
            ) from error
        self._server.RequestHandlerClass = _Scrape
        self.address = f"{host}:{self._server.server_port}"

    def describe(self) -> Iterable[Metric]:
        """Says nothing: what there is shows in a scrape."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """See `prometheus_client.registry.Collector`."""
        return self._reader.scrape()

    def close(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def family_of(metric: OtelMetric, exemplars: Exemplars) -> Metric:
    """Returns a metric in Prometheus's terms; `exemplars` has the newest of each bucket and gets those
    that came."""
    unit = _UNITS.get(metric.unit or "", "")
    name = _UNFIT.sub("_", metric.name) + (f"_{unit}" if unit else "")
    match metric.data:
        case Histogram(data_points=points):
            family = Metric(name, metric.description or "", "histogram", unit)
            for histogram in points:
                _add_histogram(family, histogram, exemplars)
        case Sum(data_points=points, is_monotonic=True):
            family = Metric(name, metric.description or "", "counter", unit)
            for point in points:
                family.add_sample(f"{name}_total", _labels(point), point.value)
        case Gauge(data_points=points) | Sum(data_points=points):
            family = Metric(name, metric.description or "", "gauge", unit)
            for point in points:
                family.add_sample(name, _labels(point), point.value)
        case _:
            raise TypeError(type(metric.data).__name__)
    return family


def _add_histogram(family: Metric, point: HistogramDataPoint, exemplars: Exemplars) -> None:
    labels = _labels(point)
    series = (family.name, *sorted(labels.items()))
    for found in sorted(point.exemplars, key=lambda exemplar: exemplar.time_unix_nano):
        if found.trace_id and found.span_id:
            exemplars[series, bisect_left(point.explicit_bounds, found.value)] = Exemplar(
                {"trace_id": f"{found.trace_id:032x}", "span_id": f"{found.span_id:016x}"},
                found.value,
                found.time_unix_nano / 1e9,
            )
    total = 0
    bounds = [*map(str, map(float, point.explicit_bounds)), "+Inf"]
    for number, (bound, count) in enumerate(zip(bounds, point.bucket_counts, strict=True)):
        total += count
        family.add_sample(
            f"{family.name}_bucket",
            {**labels, "le": bound},
            total,
            exemplar=exemplars.get((series, number)),
        )
    family.add_sample(f"{family.name}_count", labels, point.count)
    family.add_sample(f"{family.name}_sum", labels, point.sum)


def _labels(point: NumberDataPoint | HistogramDataPoint) -> dict[str, str]:
    return {_UNFIT.sub("_", key): str(value) for key, value in (point.attributes or {}).items()}
