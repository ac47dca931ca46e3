"""What waits for somebody or something that is gone ends as rejected, and nothing leaves."""

from __future__ import annotations

import pytest

from tests.e2e.sending import later, send
from tests.support.api import CATEGORY, Api, send_request
from tests.support.eventually import eventually
from tidings.ingestion.v1.notification_pb2 import NotificationState
from tidings.preference.v1.category_service_pb2 import DeleteCategoryRequest
from tidings.preference.v1.recipient_service_pb2 import DeleteRecipientRequest

REJECTED = NotificationState.NOTIFICATION_STATE_REJECTED


@pytest.mark.parametrize("what", ["recipient", "category"])
async def test_what_waits_for_what_is_deleted_is_rejected(api: Api, what: str) -> None:
    await api.seed()
    request = send_request()
    request.send_time.CopyFrom(later(seconds=2))
    waiting = await send(api, request)
    assert waiting.state == NotificationState.NOTIFICATION_STATE_SCHEDULED
    if what == "recipient":
        await api.recipients.DeleteRecipient(
            DeleteRecipientRequest(recipient_id="alice"), metadata=api.metadata
        )
    else:
        await api.categories.DeleteCategory(
            DeleteCategoryRequest(name=CATEGORY), metadata=api.metadata
        )

    async def rejected() -> bool:
        return (await api.get(waiting.notification_id)).state == REJECTED

    await eventually(rejected, within=20)
    assert not (await api.get(waiting.notification_id)).deliveries
