"""Which notifications a caller wants listed."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from services.ingestion.domain.errors import TimeRefused
from services.ingestion.domain.listing import NotificationFilter
from tidings.ingestion.v1.ingestion_service_pb2 import ListNotificationsRequest


def filter_from_proto(request: ListNotificationsRequest) -> NotificationFilter:
    """Reads the filters; raises TimeRefused."""
    return NotificationFilter(
        recipient_id=request.recipient_id,
        category=request.category,
        states=tuple(request.states),
        accept_time_from=(
            _moment("accept_time_from", request.accept_time_from)
            if request.HasField("accept_time_from")
            else None
        ),
        accept_time_until=(
            _moment("accept_time_until", request.accept_time_until)
            if request.HasField("accept_time_until")
            else None
        ),
    )


def _moment(field: str, moment: Timestamp) -> datetime:
    try:
        return moment.ToDatetime(UTC)
    except (ValueError, OverflowError):
        raise TimeRefused(field) from None
