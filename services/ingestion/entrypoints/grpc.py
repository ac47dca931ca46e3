"""`IngestionService`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import grpc

from libs.batching import Batcher
from libs.identity.caller import current_caller
from libs.trace import continue_or_begin
from services.ingestion import wire
from services.ingestion.domain.models import Answer, Submission
from services.ingestion.usecases.get_notification import GetNotification
from tidings.ingestion.v1 import ingestion_service_pb2 as messages
from tidings.ingestion.v1.ingestion_service_pb2_grpc import IngestionServiceServicer

Context = grpc.aio.ServicerContext[Any, Any]


class IngestionServicer(IngestionServiceServicer):
    """Takes notifications in and shows them."""

    def __init__(
        self, *, admission: Batcher[Submission, Answer], get_notification: GetNotification
    ) -> None:
        self._admission = admission
        self._get_notification = get_notification

    async def SendNotification(
        self, request: messages.SendNotificationRequest, context: Context
    ) -> messages.SendNotificationResponse:
        """See the contract."""
        submission = wire.submission_from_proto(
            request,
            tenant_id=current_caller().tenant_id,
            traceparent=continue_or_begin(_metadata(context, "traceparent")),
        )
        return wire.answer_to_proto(await self._admission.submit(submission))

    async def GetNotification(
        self, request: messages.GetNotificationRequest, context: Context
    ) -> messages.GetNotificationResponse:
        """See the contract."""
        notification = await self._get_notification(
            current_caller().tenant_id, UUID(request.notification_id)
        )
        return messages.GetNotificationResponse(notification=notification)


def _metadata(context: Context, key: str) -> str | None:
    for name, value in context.invocation_metadata() or ():
        if name == key and isinstance(value, str):
            return value
    return None
