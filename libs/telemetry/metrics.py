"""The metrics of a process. Without a reader each function costs a test and does nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.trace import NonRecordingSpan, SpanContext, set_span_in_context

from libs.telemetry import names
from libs.telemetry.contexts import context_of
from libs.trace import is_sampled

Labels = Mapping[str, str]

GAUGE_INTERVAL = timedelta(seconds=5)
"""How often what only a statement can tell is measured."""

# Answers and hand-overs that ask nobody take no longer.
_SHORT = (0.001, 0.0025, 0.005)
_WAITS = (*_SHORT, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)
# Beside 5 ms what the conventions advise for calls.
_ADVISED = (0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
# Up to the age of a stream.
_CALLS = (*_SHORT, *_ADVISED, 60, 600, 3600)
# Given where nothing is traced, since it would else be looked up.
_NOWHERE = Context()


class _Instruments:
    def __init__(self, meter: Meter) -> None:
        self.accepted = meter.create_counter(
            names.NOTIFICATIONS_ACCEPTED, "{notification}", "Notifications accepted."
        )
        self.planned = meter.create_counter(
            names.NOTIFICATIONS_PLANNED, "{notification}", "Notifications planned, by outcome."
        )
        self.outcomes = meter.create_counter(
            names.DELIVERY_OUTCOMES, "{delivery}", "Outcomes of attempts to deliver."
        )
        self.accept_to_sent = meter.create_histogram(
            names.ACCEPT_TO_SENT,
            "s",
            "From acceptance, or the time that was asked for, until a provider took it.",
            explicit_bucket_boundaries_advisory=_WAITS,
        )
        self.accept_to_stream = meter.create_histogram(
            names.ACCEPT_TO_STREAM,
            "s",
            "From acceptance, or the time that was asked for, until an open stream had it.",
            explicit_bucket_boundaries_advisory=_WAITS,
        )
        self.calls = meter.create_histogram(
            names.RPC_SERVER_DURATION,
            "s",
            "Duration of RPCs, streams included.",
            explicit_bucket_boundaries_advisory=_CALLS,
        )
        self.loop_failures = meter.create_counter(
            names.LOOP_FAILURES, "{failure}", "Loops that failed and were begun again."
        )
        self.outbox_age = meter.create_gauge(
            names.OUTBOX_AGE, "s", "Age of the oldest message that nobody has claimed."
        )
        self.backlog = meter.create_gauge(
            names.BACKLOG, "{row}", "What is due and in nobody's hands."
        )


_meter: Meter | None = None
_instruments: _Instruments | None = None


def write_to(meter: Meter | None) -> None:
    """Has measurements taken from now on, or no longer."""
    global _meter, _instruments  # noqa: PLW0603 - a process has one telemetry
    _meter = meter
    _instruments = None if meter is None else _Instruments(meter)


def are_read() -> bool:
    """Says whether anybody reads what is measured."""
    return _instruments is not None


def accepted(counts: Mapping[int, int]) -> None:
    """Counts accepted notifications, given by priority."""
    if _instruments is not None:
        for priority, count in counts.items():
            _instruments.accepted.add(
                count, {names.PRIORITY: names.priority_name(priority)}, context=_NOWHERE
            )


def planned(counts: Mapping[str, int]) -> None:
    """Counts planned notifications, given by outcome."""
    if _instruments is not None:
        for outcome, count in counts.items():
            _instruments.planned.add(count, {names.OUTCOME: outcome}, context=_NOWHERE)


def delivery_outcomes(channel: int, provider: str, counts: Mapping[str, int]) -> None:
    """Counts what came of attempts; without a provider, of deliveries that got to none."""
    if _instruments is not None:
        labels = {names.CHANNEL: names.channel_name(channel), names.PROVIDER: provider}
        for outcome, count in counts.items():
            _instruments.outcomes.add(count, {**labels, names.OUTCOME: outcome}, context=_NOWHERE)


def sent(channel: int, priority: int, waits: Iterable[tuple[float, str]]) -> None:
    """Measures how long deliveries took to be sent: seconds, with the traceparent of each."""
    if _instruments is not None:
        labels = {
            names.CHANNEL: names.channel_name(channel),
            names.PRIORITY: names.priority_name(priority),
        }
        for seconds, traceparent in waits:
            _instruments.accept_to_sent.record(
                max(seconds, 0.0), labels, context=_exemplar(traceparent)
            )


def written_to_stream(seconds: float, traceparent: str) -> None:
    """Measures how long an item took to reach an open stream."""
    if _instruments is not None:
        _instruments.accept_to_stream.record(max(seconds, 0.0), context=_exemplar(traceparent))


def call_answered(method: str, status: str, seconds: float, span: SpanContext | None) -> None:
    """Measures an RPC."""
    if _instruments is not None:
        labels = {names.RPC_SYSTEM: names.GRPC, names.RPC_METHOD: method, names.RPC_STATUS: status}
        _instruments.calls.record(seconds, labels, context=_context(span) if span else _NOWHERE)


def loop_failed(loop: str) -> None:
    """Counts a loop that failed."""
    if _instruments is not None:
        _instruments.loop_failures.add(1, {names.LOOP: loop}, context=_NOWHERE)


def outbox_age(seconds: float) -> None:
    """Says how old the oldest message is that nobody has claimed."""
    if _instruments is not None:
        _instruments.outbox_age.set(seconds, context=_NOWHERE)


def backlog(stage: str, counts: Mapping[tuple[int, int], int]) -> None:
    """Says how much waits before a stage, by channel and priority, of those that were ever named."""
    if _instruments is not None:
        for (channel, priority), count in counts.items():
            labels = {
                names.STAGE: stage,
                names.CHANNEL: names.channel_name(channel),
                names.PRIORITY: names.priority_name(priority),
            }
            _instruments.backlog.set(count, labels, context=_NOWHERE)


def watch(
    name: str, unit: str, description: str, look: Callable[[], Iterable[tuple[int, Labels]]]
) -> None:
    """Has a gauge read by `look` whenever somebody reads the metrics, in a thread of the reader's."""
    if _meter is not None:

        def observe(_options: CallbackOptions) -> Iterable[Observation]:
            return [Observation(value, dict(labels)) for value, labels in look()]

        _meter.create_observable_gauge(name, [observe], unit, description)


def _exemplar(traceparent: str) -> Context:
    return _context(context_of(traceparent)) if is_sampled(traceparent) else _NOWHERE


def _context(span: SpanContext) -> Context:
    return set_span_in_context(NonRecordingSpan(span), _NOWHERE)
