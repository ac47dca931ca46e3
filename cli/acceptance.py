"""Says in a line that a notification is stored."""

from __future__ import annotations

from cli.names import NOTIFICATION_STATES
from cli.times import show_time
from tidings.ingestion.v1.ingestion_service_pb2 import (
    SendNotificationRequest,
    SendNotificationResponse,
)
from tidings.ingestion.v1.notification_pb2 import NotificationState


def describe(request: SendNotificationRequest, response: SendNotificationResponse) -> str:
    """Returns `accepted ID`, with what is out of the ordinary: for when, amended, answered before."""
    line = f"{NOTIFICATION_STATES.name(response.state)} {response.notification_id}"
    if response.state == NotificationState.NOTIFICATION_STATE_SCHEDULED:
        line += f" for {show_time(request.send_time)}"
    if response.revision > 1:
        line += f" (amended: revision {response.revision})"
    if response.replayed:
        line += " (this request id was answered before)"
    return line
