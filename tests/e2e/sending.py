"""Sends and cancellations by the public door, for tests of what becomes of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from tests.support.api import Api
from tidings.ingestion.v1.ingestion_service_pb2 import (
    CancellationResult,
    CancelNotificationRequest,
    CancelNotificationResponse,
    SendNotificationRequest,
)
from tidings.ingestion.v1.notification_pb2 import Notification, NotificationState

SCHEDULED = NotificationState.NOTIFICATION_STATE_SCHEDULED
CANCELLED = NotificationState.NOTIFICATION_STATE_CANCELLED
STOPPED = CancellationResult.CANCELLATION_RESULT_STOPPED
LEFT = CancellationResult.CANCELLATION_RESULT_LEFT
IN_FLIGHT = CancellationResult.CANCELLATION_RESULT_IN_FLIGHT


async def send(api: Api, request: SendNotificationRequest) -> Notification:
    answer = await api.ingestion.SendNotification(request, metadata=api.metadata)
    return await api.get(answer.notification_id)


async def cancel(api: Api, request: CancelNotificationRequest) -> CancelNotificationResponse:
    return await api.ingestion.CancelNotification(request, metadata=api.metadata)


def later(**delta: float) -> Timestamp:
    moment = Timestamp()
    moment.FromDatetime(datetime.now(UTC) + timedelta(**delta))
    return moment
