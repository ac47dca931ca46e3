"""What inbox tells about its work: stages of traced notifications, and how long items took."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from uuid import UUID

from opentelemetry.trace import SpanContext

from libs.telemetry import contexts, metrics, names, tracing
from services.inbox.domain.models import Item
from services.inbox.usecases.hub import Hub

_spans = tracing.Spans("inbox")


def storing(size: int) -> AbstractContextManager[SpanContext | None]:
    """Spans the transaction that writes items."""
    return _spans.sql(names.STORE_ITEMS, size=size)


def written(items: Collection[Item], *, begun: int, now: datetime, open_time: datetime) -> None:
    """Tells that items were written to a stream for the first time. How long they took counts only
    where they came while the stream was open: an app that was away is none of our delays."""
    ended = time.time_ns()
    for item in tracing.sampled(items):
        _spans.stage(
            names.STREAM_WRITE,
            item.traceparent,
            {names.NOTIFICATION_ID: str(item.item_id)},
            begun=begun,
            ended=ended,
            batches=[contexts.current()],
        )
    if metrics.are_read():
        for item in items:
            if item.accept_time is not None and item.create_time >= open_time:
                waited = (now - item.accept_time).total_seconds()
                metrics.written_to_stream(waited, item.traceparent)


def read(items: Sequence[Item], newly: Collection[UUID], *, begun: int) -> None:
    """Tells which items their recipient has read now."""
    ended = time.time_ns()
    for item in tracing.sampled(items):
        if item.item_id in newly:
            _spans.stage(
                names.READ,
                item.traceparent,
                {names.NOTIFICATION_ID: str(item.item_id)},
                begun=begun,
                ended=ended,
                batches=[contexts.current()],
            )


def watch_streams(hub: Hub) -> None:
    """Has the number of open streams read."""
    metrics.watch(
        names.STREAMS_OPEN, "{stream}", "Streams held open here.", lambda: [(hub.count, {})]
    )
