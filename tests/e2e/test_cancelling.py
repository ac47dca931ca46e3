"""Cancellations, by the public door: each delivery ends as the answer said."""

from __future__ import annotations

import asyncio
from collections import Counter

from tests.e2e.sending import CANCELLED, IN_FLIGHT, LEFT, STOPPED, cancel
from tests.e2e.test_send import delivered
from tests.support.api import Api, send_request
from tests.support.eventually import eventually
from tests.support.refusals import refusal
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL, CHANNEL_IN_APP
from tidings.dispatch.v1.delivery_pb2 import Delivery, DeliveryState
from tidings.inbox.v1.inbox_service_pb2 import ListInboxItemsRequest
from tidings.ingestion.v1.ingestion_service_pb2 import (
    CancelNotificationRequest,
    CancelNotificationResponse,
    CollapseTarget,
    SendNotificationsRequest,
)

ENDS_OF = {
    STOPPED: {DeliveryState.DELIVERY_STATE_CANCELLED},
    LEFT: {DeliveryState.DELIVERY_STATE_SENT},
    IN_FLIGHT: {DeliveryState.DELIVERY_STATE_SENT, DeliveryState.DELIVERY_STATE_CANCELLED},
}


async def test_cancelling_what_has_left_says_so(api: Api) -> None:
    await api.seed()
    answer = await api.send()
    await delivered(api, answer.notification_id)
    cancelled = await cancel(api, CancelNotificationRequest(notification_id=answer.notification_id))
    assert cancelled.state == CANCELLED
    assert {d.channel: d.result for d in cancelled.deliveries} == {
        CHANNEL_EMAIL: LEFT,
        CHANNEL_IN_APP: LEFT,
    }


async def test_cancelling_at_once_what_is_one_says_the_same_to_each(api: Api) -> None:
    await api.seed()
    answer = await api.send()
    await delivered(api, answer.notification_id)
    request = CancelNotificationRequest(notification_id=answer.notification_id)
    answers = await asyncio.gather(*(cancel(api, request) for _ in range(10)))
    for cancelled in answers:
        assert [d.result for d in cancelled.deliveries] == [LEFT, LEFT]
        assert len({d.delivery_id for d in cancelled.deliveries}) == 2


async def test_cancelling_what_does_not_exist_is_told(api: Api) -> None:
    for request in (
        CancelNotificationRequest(notification_id="01900000-0000-7000-8000-000000000000"),
        CancelNotificationRequest(request_id="never"),
        CancelNotificationRequest(
            collapse=CollapseTarget(recipient_id="alice", collapse_key="never")
        ),
    ):
        error = await refusal(cancel(api, request))
        assert error.reason == "NOTIFICATION_NOT_FOUND"
    error = await refusal(cancel(api, CancelNotificationRequest()))
    assert error.reason == "INVALID_FIELD"


async def test_each_cancelled_notification_ends_as_its_answer_said(api: Api) -> None:
    await api.seed()
    count = 1_000
    ids: list[str] = []
    for _ in range(count // 500):
        response = await api.ingestion.SendNotifications(
            SendNotificationsRequest(entries=[send_request() for _ in range(500)]),
            metadata=api.metadata,
        )
        ids += [result.accepted.notification_id for result in response.results]
    answers = await asyncio.gather(
        *(cancel(api, CancelNotificationRequest(notification_id=i)) for i in ids)
    )
    seen: Counter[int] = Counter()
    sent_in_app = 0
    for answer in answers:
        seen.update(delivery.result for delivery in answer.deliveries)
        ended = await _ended(api, answer)
        for delivery in answer.deliveries:
            assert ended[delivery.delivery_id].state in ENDS_OF[delivery.result]
        sent_in_app += sum(
            d.channel == CHANNEL_IN_APP and d.state == DeliveryState.DELIVERY_STATE_SENT
            for d in ended.values()
        )
    page = await api.inbox.ListInboxItems(
        ListInboxItemsRequest(recipient_id="alice"), metadata=api.metadata
    )
    assert page.counts.total == sent_in_app
    # The race was one: some were stopped, or never planned at all.
    assert seen[STOPPED] or any(not answer.deliveries for answer in answers)


async def _ended(api: Api, answer: CancelNotificationResponse) -> dict[str, Delivery]:
    ends = {
        DeliveryState.DELIVERY_STATE_SENT,
        DeliveryState.DELIVERY_STATE_CANCELLED,
        DeliveryState.DELIVERY_STATE_UNKNOWN,
    }

    async def probe() -> dict[str, Delivery] | None:
        notification = await api.get(answer.notification_id)
        found = {d.delivery_id: d for d in notification.deliveries}
        wanted = {d.delivery_id for d in answer.deliveries}
        if wanted <= set(found) and all(d.state in ends for d in found.values()):
            return found or {"": Delivery(state=DeliveryState.DELIVERY_STATE_CANCELLED)}
        return None

    return await eventually(probe, within=30)
