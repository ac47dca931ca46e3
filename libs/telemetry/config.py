"""Settings of what a process tells; those of an exporter have the names that OpenTelemetry gives them."""

from __future__ import annotations

from dataclasses import dataclass

from libs.config.settings import EnvironSettings, choice, integer, share, text

LOG_FORMATS = ("text", "json")
LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetrySettings(EnvironSettings):
    """Read once, at start."""

    ratio: float = share(
        "TIDINGS_TRACE_SAMPLE_RATIO",
        "Share of what comes without a `traceparent` that is traced, if spans are exported; `make run` has"
        " 1.",
        default=0.01,
    )
    metrics_address: str = text(
        "TIDINGS_METRICS_ADDRESS",
        "Where Prometheus scrapes; port 0 for a free one. Unset: nowhere.",
        default="",
        address=True,
    )
    log_format: str = choice(
        "TIDINGS_LOG_FORMAT",
        "Log lines for people, or JSON for a collector.",
        LOG_FORMATS,
        default="text",
    )
    log_level: str = choice(
        "TIDINGS_LOG_LEVEL",
        "The least that is logged. Unset: `info`, and `warning` in `make run`.",
        LOG_LEVELS,
        default="",
    )
    endpoint: str = text(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "An OTLP/gRPC receiver, to which spans and metrics go. Unset: nothing is exported.",
        default="",
        schemes=("http://", "https://"),
    )
    protocol: str = choice(
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "How the receiver is spoken to.",
        ("grpc",),
        default="grpc",
    )
    headers: str = text(
        "OTEL_EXPORTER_OTLP_HEADERS",
        "What the receiver wants sent along: `name=value`, with commas between.",
        default="",
        secret=True,
    )
    service_name: str = text(
        "OTEL_SERVICE_NAME",
        "Name of all that this process serves. Unset: `tidings.<service>` for each.",
        default="",
    )
    attributes: str = text(
        "OTEL_RESOURCE_ATTRIBUTES",
        "More about this process, such as `deployment.environment.name=production`, with commas"
        " between.",
        default="",
    )
    span_interval: int = integer(
        "OTEL_BSP_SCHEDULE_DELAY", "Milliseconds between exports of spans.", default=1_000
    )
    metric_interval: int = integer(
        "OTEL_METRIC_EXPORT_INTERVAL", "Milliseconds between exports of metrics.", default=60_000
    )
