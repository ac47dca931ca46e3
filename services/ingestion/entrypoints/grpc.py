"""`IngestionService`."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID, uuid4

import grpc

from libs.batching import Batcher
from libs.errors import TidingsError
from libs.identity.caller import current_caller
from libs.paging import listing_of, page_from_proto, page_token_to_proto
from libs.rpc.status import status_of
from libs.rpc.validation import validate
from libs.telemetry.calls import current_call, ratio
from libs.trace import beside_others, in_trace_of
from services.ingestion.domain.models import Answer, Submission
from services.ingestion.usecases.cancel_notification import CancelNotification
from services.ingestion.usecases.get_notification import GetNotification
from services.ingestion.usecases.list_notifications import ListNotifications
from services.ingestion.wire.listing import filter_from_proto
from services.ingestion.wire.reading import notification_to_proto
from services.ingestion.wire.requests import answer_to_proto, submission_from_proto
from services.ingestion.wire.stopping import cancellation_to_proto
from tidings.ingestion.v1 import ingestion_service_pb2 as messages
from tidings.ingestion.v1.ingestion_service_pb2_grpc import IngestionServiceServicer

_log = logging.getLogger(__name__)

Context = grpc.aio.ServicerContext[Any, Any]


class IngestionServicer(IngestionServiceServicer):
    """Takes notifications in and shows them."""

    def __init__(
        self,
        *,
        admission: Batcher[Submission, Answer],
        cancel_notification: CancelNotification,
        get_notification: GetNotification,
        list_notifications: ListNotifications,
    ) -> None:
        self._admission = admission
        self._cancel_notification = cancel_notification
        self._get_notification = get_notification
        self._list_notifications = list_notifications

    async def SendNotification(
        self, request: messages.SendNotificationRequest, context: Context
    ) -> messages.SendNotificationResponse:
        """See the contract."""
        submission = submission_from_proto(
            request,
            tenant_id=current_caller().tenant_id,
            carried=in_trace_of(current_call().traceparent),
        )
        return answer_to_proto(await self._admission.submit(submission))

    async def SendNotifications(
        self, request: messages.SendNotificationsRequest, context: Context
    ) -> messages.SendNotificationsResponse:
        """See the contract."""
        submissions = [_submission_or_error(entry) for entry in request.entries]
        good = [entry for entry in submissions if isinstance(entry, Submission)]
        answers = iter(await self._admission.submit_all(good))
        return messages.SendNotificationsResponse(
            results=(
                _result(next(answers) if isinstance(entry, Submission) else entry)
                for entry in submissions
            )
        )

    async def CancelNotification(
        self, request: messages.CancelNotificationRequest, context: Context
    ) -> messages.CancelNotificationResponse:
        """See the contract."""
        tenant_id = current_caller().tenant_id
        match request.WhichOneof("target"):
            case "request_id":
                notification_id = await self._cancel_notification.find_by_request(
                    tenant_id, request.request_id
                )
            case "collapse":
                notification_id = await self._cancel_notification.find_by_collapse_key(
                    tenant_id, request.collapse.recipient_id, request.collapse.collapse_key
                )
            case _:
                notification_id = UUID(request.notification_id)
        return cancellation_to_proto(*await self._cancel_notification(tenant_id, notification_id))

    async def GetNotification(
        self, request: messages.GetNotificationRequest, context: Context
    ) -> messages.GetNotificationResponse:
        """See the contract."""
        notification = await self._get_notification(
            current_caller().tenant_id, UUID(request.notification_id)
        )
        return messages.GetNotificationResponse(notification=notification)

    async def ListNotifications(
        self, request: messages.ListNotificationsRequest, context: Context
    ) -> messages.ListNotificationsResponse:
        """See the contract."""
        tenant_id = current_caller().tenant_id
        listing = listing_of(request)
        wanted = page_from_proto(listing, tenant_id, request.page_size, request.page_token)
        page = await self._list_notifications(tenant_id, filter_from_proto(request), wanted)
        return messages.ListNotificationsResponse(
            notifications=(notification_to_proto(listed.notification) for listed in page.items),
            next_page_token=page_token_to_proto(listing, tenant_id, page.last_key),
        )


def _submission_or_error(
    entry: messages.SendNotificationRequest,
) -> Submission | TidingsError:
    try:
        validate(entry)
    except TidingsError as error:
        return error
    call = current_call()
    return submission_from_proto(
        entry,
        tenant_id=current_caller().tenant_id,
        carried=beside_others(call.traceparent, given=call.given, ratio=ratio()),
    )


def _result(answer: Answer | BaseException) -> messages.SendResult:
    if isinstance(answer, Answer):
        return messages.SendResult(accepted=answer_to_proto(answer))
    request_id = str(uuid4())
    if not isinstance(answer, TidingsError):
        _log.error("entry_failed", exc_info=answer, extra={"request_id": request_id})
    return messages.SendResult(error=status_of(answer, request_id))
