"""What dispatch tells about its work: stages of traced notifications, and counts of all."""

from __future__ import annotations

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

from opentelemetry.trace import SpanContext

from libs.messaging.broker import Message
from libs.messaging.topology import DELIVERIES, delivery_queue
from libs.telemetry import contexts, metrics, names, tracing
from libs.telemetry.messaging import receiving
from libs.trace import is_sampled
from services.dispatch.domain.models import (
    Attempt,
    ClaimedDelivery,
    Decision,
    DeliveryBatch,
    DeliveryState,
    Outcome,
)
from services.dispatch.usecases.lane import Lane
from services.dispatch.usecases.slots import Slots

_log = logging.getLogger(__name__)
_spans = tracing.Spans("dispatch")
_NOBODY = "none"
"""In place of a provider where none was called."""


def received(
    message: Message, batch: DeliveryBatch, *, system: str
) -> AbstractContextManager[SpanContext | None]:
    """Spans what is done with a message."""
    channel, priority = names.channel_name(batch.channel), names.priority_name(batch.priority)
    return receiving(
        _spans,
        message.headers,
        tracing.sampled(batch.tasks),
        system=system,
        exchange=DELIVERIES,
        routing_key=f"{channel}.{priority}",
        queue=delivery_queue(channel, priority),
        size=len(batch.tasks),
    )


def claiming(size: int) -> AbstractContextManager[SpanContext | None]:
    """Spans the transaction that claims."""
    return _spans.sql(names.STORE_CLAIMS, size=size)


def claimed(deliveries: Sequence[ClaimedDelivery], *, begun: int, sql: SpanContext | None) -> None:
    """Tells which deliveries came into this process's hands."""
    here = contexts.here()
    ended = time.time_ns()
    for delivery in tracing.sampled(deliveries):
        _spans.stage(
            names.CLAIMED,
            delivery.traceparent,
            _about(delivery),
            begun=begun,
            ended=ended,
            batches=[sql, *(here.batches if here else ())],
        )


def delivering(batch: Sequence[ClaimedDelivery]) -> AbstractContextManager[SpanContext | None]:
    """Spans what a lane does with a batch."""
    return _spans.batch(names.DELIVER_BATCH, tracing.sampled(batch), size=len(batch))


def beginning(size: int) -> AbstractContextManager[SpanContext | None]:
    """Spans the statement that begins sending."""
    return _spans.sql(names.BEGIN_SENDING, size=size)


def settling(size: int) -> AbstractContextManager[SpanContext | None]:
    """Spans the statement that settles."""
    return _spans.sql(names.SETTLE, size=size)


def attempted(
    decisions: Sequence[Decision], attempts: Sequence[Attempt], *, sql: SpanContext | None
) -> None:
    """Tells what came of calls to a provider, whatever batches they were of."""
    _count_attempts(decisions, attempts)
    _log_refused(decisions, attempts)
    if not tracing.is_exporting():
        return
    here = contexts.here()
    batches = [sql, *(here.batches if here else ())]
    for decision, attempt in zip(decisions, attempts, strict=True):
        delivery = decision.delivery
        if not is_sampled(delivery.traceparent):
            continue
        outcome = attempt.outcome.name.lower()
        _spans.stage(
            names.ATTEMPT,
            delivery.traceparent,
            {
                **_about(delivery),
                names.PROVIDER: attempt.provider,
                names.ATTEMPT_NUMBER: delivery.attempts + 1,
                names.OUTCOME: outcome,
                names.STATE: decision.settlement.state.name.lower(),
            },
            begun=_nanoseconds(attempt.start_time),
            ended=_nanoseconds(attempt.finish_time),
            batches=batches,
            error="" if attempt.outcome is Outcome.ACCEPTED else outcome,
        )


def settled(decisions: Sequence[Decision], *, sql: SpanContext | None) -> None:
    """Tells what became of deliveries for which no provider was called."""
    if metrics.are_read():
        for channel in {decision.delivery.channel for decision in decisions}:
            states = Counter(
                decision.settlement.state.name.lower()
                for decision in decisions
                if decision.delivery.channel == channel
            )
            metrics.delivery_outcomes(channel, _NOBODY, states)
    failed = [d for d in decisions if d.settlement.state is DeliveryState.FAILED]
    if failed:
        ids = [str(decision.delivery.task.notification_id) for decision in failed]
        _log.info("deliveries_failed", extra={"notification_ids": ids})
    here = contexts.here()
    if here is None:
        return
    now = time.time_ns()
    for decision in decisions:
        if not is_sampled(decision.delivery.traceparent):
            continue
        state = decision.settlement.state
        _spans.stage(
            names.SETTLED,
            decision.delivery.traceparent,
            {**_about(decision.delivery), names.STATE: state.name.lower()},
            begun=now,
            ended=now,
            batches=[sql, *here.batches],
            error="failed" if state is DeliveryState.FAILED else "",
        )


def orphaned(states: Mapping[tuple[int, DeliveryState], int]) -> None:
    """Tells what became of deliveries that dead processes had in hand, counted by channel and state."""
    for (channel, state), count in states.items():
        metrics.delivery_outcomes(channel, _NOBODY, {state.name.lower(): count})


def watch_lanes(lanes: Sequence[Lane], slots: Mapping[int, Slots]) -> None:
    """Has read how full lanes and providers are."""
    metrics.watch(
        names.LANE_IN_USE,
        "{delivery}",
        "Deliveries in hand.",
        lambda: [
            (
                lane.room.in_use,
                {
                    names.CHANNEL: names.channel_name(lane.channel),
                    names.PRIORITY: names.priority_name(lane.priority),
                },
            )
            for lane in lanes
        ],
    )
    metrics.watch(
        names.SLOTS_IN_USE,
        "{call}",
        "Provider calls in progress.",
        lambda: [
            (taken.in_use, {names.CHANNEL: names.channel_name(channel)})
            for channel, taken in slots.items()
        ],
    )


def _count_attempts(decisions: Sequence[Decision], attempts: Sequence[Attempt]) -> None:
    if not metrics.are_read():
        return
    outcomes: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    waits: dict[tuple[int, int], list[tuple[float, str]]] = defaultdict(list)
    for decision, attempt in zip(decisions, attempts, strict=True):
        delivery = decision.delivery
        outcomes[delivery.channel, attempt.provider][attempt.outcome.name.lower()] += 1
        if decision.settlement.state is DeliveryState.SENT:
            waited = (attempt.finish_time - delivery.task.accept_time).total_seconds()
            waits[delivery.channel, delivery.priority].append((waited, delivery.traceparent))
    for (channel, provider), counts in outcomes.items():
        metrics.delivery_outcomes(channel, provider, counts)
    for (channel, priority), measured in waits.items():
        metrics.sent(channel, priority, measured)


def _log_refused(decisions: Sequence[Decision], attempts: Sequence[Attempt]) -> None:
    refused = [
        (decision, attempt)
        for decision, attempt in zip(decisions, attempts, strict=True)
        if attempt.outcome is not Outcome.ACCEPTED
    ]
    if refused:
        fields = {
            "provider": refused[0][1].provider,
            "outcomes": dict(Counter(attempt.outcome.name.lower() for _, attempt in refused)),
            "notification_ids": [str(d.delivery.task.notification_id) for d, _ in refused],
        }
        _log.info("deliveries_not_taken", extra=fields)


def _about(delivery: ClaimedDelivery) -> dict[str, str | int]:
    return {
        names.NOTIFICATION_ID: str(delivery.task.notification_id),
        names.DELIVERY_ID: str(delivery.task.delivery_id),
        names.CHANNEL: names.channel_name(delivery.channel),
        names.PRIORITY: names.priority_name(delivery.priority),
    }


def _nanoseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000) * 1000
