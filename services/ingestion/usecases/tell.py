"""What ingestion tells about its work: stages of traced notifications, and counts of all."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple
from uuid import UUID

from opentelemetry.trace import SpanContext

from libs.telemetry import contexts, metrics, names, tracing
from libs.trace import is_sampled
from services.ingestion.domain.models import (
    Acceptance,
    Accepted,
    Notification,
    Plan,
    Submission,
)

_spans = tracing.Spans("ingestion")


class Stored(NamedTuple):
    """A transaction: since when, and its span if it has one."""

    begun: int
    span: SpanContext | None


def accepting(batch: Sequence[Submission]) -> AbstractContextManager[SpanContext | None]:
    """Spans a group commit. What this task inherited is of the first caller only."""
    traced = tracing.sampled(batch)
    # One that is not accepted after all has no span to hang anything under but its call's.
    alone = len(batch) == 1 and traced and traced[0].call
    return _spans.batch(
        names.ACCEPT_BATCH,
        traced,
        size=len(batch),
        apart=True,
        parent=contexts.context_of(alone) if alone else None,
    )


@contextmanager
def storing(
    batch: Collection[object], summary: str = names.STORE_NOTIFICATIONS
) -> Iterator[Stored]:
    """Spans the transaction of a batch."""
    begun = time.time_ns()
    with _spans.sql(summary, size=len(batch)) as span:
        yield Stored(begun, span)


def accepted(batch: Sequence[Acceptance], new: Mapping[UUID, Accepted], stored: Stored) -> None:
    """Tells which of a batch were committed for the first time."""
    if metrics.are_read():
        metrics.accepted(
            Counter(
                item.notification.priority
                for item in batch
                if item.notification.notification_id in new
            )
        )
    if stored.span is None:
        return
    ended = time.time_ns()
    for item in batch:
        became = new.get(item.notification.notification_id)
        if became is None or not is_sampled(item.notification.traceparent):
            continue
        _spans.first_stage(
            names.ACCEPTED,
            item.notification.traceparent,
            item.submission.call,
            {
                names.NOTIFICATION_ID: str(became.notification_id),
                names.REVISION: became.revision,
                names.PRIORITY: names.priority_name(item.notification.priority),
            },
            begun=stored.begun,
            ended=ended,
            batches=[stored.span],
        )


def planning(batch: Sequence[Notification]) -> AbstractContextManager[SpanContext | None]:
    """Spans the planning of a batch."""
    return _spans.batch(names.PLAN_BATCH, tracing.sampled(batch), size=len(batch))


def planned(
    batch: Sequence[Notification], plans: Sequence[Plan], new: Collection[UUID], stored: Stored
) -> None:
    """Tells what was decided of those that were planned now."""
    if metrics.are_read():
        metrics.planned(
            Counter(
                plan.state.name.lower()
                for notification, plan in zip(batch, plans, strict=True)
                if notification.notification_id in new
            )
        )
    if stored.span is None:
        return
    ended = time.time_ns()
    for notification, plan in zip(batch, plans, strict=True):
        if notification.notification_id in new and is_sampled(notification.traceparent):
            _spans.stage(
                names.PLANNED,
                notification.traceparent,
                {
                    names.NOTIFICATION_ID: str(notification.notification_id),
                    names.REVISION: notification.revision,
                    names.OUTCOME: plan.state.name.lower(),
                },
                begun=stored.begun,
                ended=ended,
                batches=[stored.span],
            )


def traceparents_of(batch: Sequence[Notification]) -> tuple[str, ...]:
    """Returns the trace contexts of those that are traced, inside the span of their batch."""
    if contexts.current() is None:
        return ()
    return tuple(notification.traceparent for notification in tracing.sampled(batch))
