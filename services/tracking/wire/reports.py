"""Reports on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter

import asyncpg
from google.protobuf.timestamp_pb2 import Timestamp

from services.tracking.domain.errors import TimeRefused
from services.tracking.domain.listing import DeliveryFilter
from services.tracking.domain.period import DAY, HOUR, Interval
from tidings.internal.tracking.v1.fact_service_pb2 import NotificationFact
from tidings.tracking.v1 import report_service_pb2 as pb
from tidings.tracking.v1.fact_pb2 import Fact

_place = itemgetter("start_time", "category", "channel", "template_name")


def filter_from_proto(request: pb.ListDeliveriesRequest) -> DeliveryFilter:
    """Reads which deliveries are wanted."""
    return DeliveryFilter(
        recipient_id=request.recipient_id,
        category=request.category,
        channel=request.channel,
        states=tuple(request.states),
        accept_time_from=moment_from_proto(request, "accept_time_from"),
        accept_time_until=moment_from_proto(request, "accept_time_until"),
    )


def interval_from_proto(interval: pb.CountInterval.ValueType) -> Interval:
    """Reads the width of a count."""
    return DAY if interval == pb.COUNT_INTERVAL_DAY else HOUR


def moment_from_proto(
    request: pb.ListDeliveriesRequest | pb.CountDeliveriesRequest, field: str
) -> datetime | None:
    """Reads a time that may not be set; raises TimeRefused."""
    # Checked against the contract before: the name is one of the request's.
    if not request.HasField(field):  # type: ignore[arg-type]
        return None
    moment: Timestamp = getattr(request, field)
    try:
        return moment.ToDatetime(UTC)
    except (ValueError, OverflowError):
        raise TimeRefused(field, "must be a time between the years 1 and 9999") from None


def delivery_to_proto(row: asyncpg.Record) -> pb.DeliveryRecord:
    """Returns a delivery as readers see it."""
    message = pb.DeliveryRecord(
        delivery_id=str(row["delivery_id"]),
        notification_id=str(row["notification_id"]),
        revision=row["revision"],
        recipient_id=row["recipient_id"],
        category=row["category"],
        channel=row["channel"],
        template_name=row["template_name"],
        template_version=row["template_version"],
        state=row["state"],
        provider=row["provider"],
        attempts=row["attempts"],
    )
    message.accept_time.FromDatetime(row["accept_time"])
    message.state_time.FromDatetime(row["state_time"])
    return message


def counts_to_proto(rows: Sequence[asyncpg.Record]) -> list[pb.DeliveryCount]:
    """Returns counts as readers see them: one per place, in the order of the rows."""
    counts = []
    for (start_time, category, channel, template_name), group in groupby(rows, key=_place):
        count = pb.DeliveryCount(category=category, channel=channel, template_name=template_name)
        count.start_time.FromDatetime(start_time)
        for row in group:
            if row["fact_type"]:
                count.facts.add(type=row["fact_type"], count=row["count"])
            else:
                count.states.add(state=row["state"], count=row["count"])
        counts.append(count)
    return counts


def fact_to_proto(row: asyncpg.Record) -> NotificationFact:
    """Returns a fact as ingestion reads it."""
    fact = Fact(type=row["type"], channel=row["channel"], source=row["source"])
    fact.time.FromDatetime(row["fact_time"])
    return NotificationFact(notification_id=row["notification_id"].bytes, fact=fact)
