"""Batches, cancellations, amendments, schedules and times to live, by the public door."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2

from cli.serve import Cluster
from tests.e2e.test_send import delivered
from tests.support.api import CATEGORY, Api, send_request
from tests.support.eventually import eventually
from tests.support.refusals import refusal
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL, CHANNEL_IN_APP
from tidings.dispatch.v1.delivery_pb2 import Delivery, DeliveryState
from tidings.inbox.v1.inbox_service_pb2 import ListInboxItemsRequest
from tidings.ingestion.v1.ingestion_service_pb2 import (
    CancellationResult,
    CancelNotificationRequest,
    CancelNotificationResponse,
    CollapseTarget,
    SendNotificationRequest,
    SendNotificationsRequest,
)
from tidings.ingestion.v1.notification_pb2 import Notification, NotificationState
from tidings.preference.v1.channel_decision_pb2 import ChannelDecisionReason

SCHEDULED = NotificationState.NOTIFICATION_STATE_SCHEDULED
CANCELLED = NotificationState.NOTIFICATION_STATE_CANCELLED
STOPPED = CancellationResult.CANCELLATION_RESULT_STOPPED
LEFT = CancellationResult.CANCELLATION_RESULT_LEFT
IN_FLIGHT = CancellationResult.CANCELLATION_RESULT_IN_FLIGHT
ENDS_OF = {
    STOPPED: {DeliveryState.DELIVERY_STATE_CANCELLED},
    LEFT: {DeliveryState.DELIVERY_STATE_SENT},
    IN_FLIGHT: {DeliveryState.DELIVERY_STATE_SENT, DeliveryState.DELIVERY_STATE_CANCELLED},
}


async def send(api: Api, request: SendNotificationRequest) -> Notification:
    answer = await api.ingestion.SendNotification(request, metadata=api.metadata)
    return await api.get(answer.notification_id)


async def cancel(api: Api, request: CancelNotificationRequest) -> CancelNotificationResponse:
    return await api.ingestion.CancelNotification(request, metadata=api.metadata)


def later(**delta: float) -> Timestamp:
    moment = Timestamp()
    moment.FromDatetime(datetime.now(UTC) + timedelta(**delta))
    return moment


async def test_each_entry_of_a_batch_stands_for_itself(api: Api) -> None:
    await api.seed()
    bad = send_request("nobody", request_id="b2")
    malformed = send_request("al ice", request_id="b3")
    entries = [
        send_request(request_id="b1"),
        bad,
        malformed,
        send_request(request_id="b4"),
        send_request(request_id="b1"),
    ]
    response = await api.ingestion.SendNotifications(
        SendNotificationsRequest(entries=entries), metadata=api.metadata
    )
    kinds = [result.WhichOneof("result") for result in response.results]
    assert kinds == ["accepted", "error", "error", "accepted", "accepted"]
    first, fourth, again = (response.results[i].accepted for i in (0, 3, 4))
    assert first.notification_id == again.notification_id != fourth.notification_id
    assert again.replayed
    reasons = []
    for index in (1, 2):
        info = error_details_pb2.ErrorInfo()
        assert response.results[index].error.details[0].Unpack(info)
        reasons.append(info.reason)
    assert reasons == ["RECIPIENT_NOT_FOUND", "INVALID_FIELD"]
    assert response.results[1].error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    await delivered(api, fourth.notification_id)


@pytest.mark.parametrize("count", [0, 501])
async def test_a_batch_of_a_wrong_size_is_refused(api: Api, count: int) -> None:
    entries = [send_request() for _ in range(count)]
    error = await refusal(
        api.ingestion.SendNotifications(
            SendNotificationsRequest(entries=entries), metadata=api.metadata
        )
    )
    assert list(error.violations) == ["entries"]


async def test_a_batch_may_be_larger_than_a_single_request(api: Api) -> None:
    await api.seed()
    entries = [send_request(variables={"order": "x" * 5_000}) for _ in range(300)]
    response = await api.ingestion.SendNotifications(
        SendNotificationsRequest(entries=entries), metadata=api.metadata
    )
    assert {result.WhichOneof("result") for result in response.results} == {"accepted"}


async def test_what_is_scheduled_waits_and_can_be_cancelled(api: Api) -> None:
    await api.seed()
    request = send_request()
    request.send_time.CopyFrom(later(hours=1))
    answer = await api.ingestion.SendNotification(request, metadata=api.metadata)
    assert answer.state == SCHEDULED
    assert answer.estimated_delivery_time.ToDatetime(UTC) > datetime.now(UTC) + timedelta(
        minutes=59
    )
    assert (await api.get(answer.notification_id)).state == SCHEDULED
    cancelled = await cancel(api, CancelNotificationRequest(notification_id=answer.notification_id))
    assert (cancelled.state, list(cancelled.deliveries)) == (CANCELLED, [])
    again = await cancel(api, CancelNotificationRequest(request_id=request.request_id))
    assert again.notification_id == answer.notification_id
    assert again.state == CANCELLED


async def test_what_is_scheduled_arrives_in_its_time(api: Api) -> None:
    await api.seed()
    request = send_request()
    request.send_time.CopyFrom(later(seconds=1))
    due = request.send_time.ToDatetime(UTC)
    notification = await send(api, request)
    assert notification.state == SCHEDULED
    notification = await delivered(api, notification.notification_id)
    assert notification.plan_time.ToDatetime(UTC) >= due


@pytest.mark.parametrize(
    ("seconds", "field"), [(31 * 86400, "ttl"), (0, "ttl")], ids=["too long", "nothing"]
)
async def test_a_time_to_live_out_of_bounds_is_refused(api: Api, seconds: int, field: str) -> None:
    await api.seed()
    request = send_request()
    request.ttl.FromSeconds(seconds)
    error = await refusal(api.ingestion.SendNotification(request, metadata=api.metadata))
    assert error.reason == "INVALID_FIELD"
    assert list(error.violations) == [field]


async def test_a_send_time_too_far_ahead_is_refused(api: Api) -> None:
    await api.seed()
    request = send_request()
    request.send_time.CopyFrom(later(days=400))
    error = await refusal(api.ingestion.SendNotification(request, metadata=api.metadata))
    assert list(error.violations) == ["send_time"]


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


def keyed(order: int) -> SendNotificationRequest:
    request = send_request(variables={"order": order})
    request.collapse_key = "order-42"
    return request


async def test_amending_what_waits_replaces_it_before_anything_left(api: Api) -> None:
    await api.seed()
    first = keyed(1)
    first.send_time.CopyFrom(later(hours=1))
    one = await api.ingestion.SendNotification(first, metadata=api.metadata)
    two = await api.ingestion.SendNotification(keyed(2), metadata=api.metadata)
    assert (two.notification_id, two.revision) == (one.notification_id, 2)
    notification = await delivered(api, two.notification_id)
    assert (notification.revision, notification.collapse_key) == (2, "order-42")
    assert {d.revision for d in notification.deliveries} == {2}
    page = await api.inbox.ListInboxItems(
        ListInboxItemsRequest(recipient_id="alice"), metadata=api.metadata
    )
    assert [item.title for item in page.items] == ["Order 2"]


async def test_amending_what_has_left_replaces_the_item_and_sends_no_second_mail(
    cluster: Cluster, api: Api
) -> None:
    await api.seed()
    one = await api.ingestion.SendNotification(keyed(1), metadata=api.metadata)
    await delivered(api, one.notification_id)
    request = keyed(2)
    two = await api.ingestion.SendNotification(request, metadata=api.metadata)
    assert (two.notification_id, two.revision) == (one.notification_id, 2)

    async def amended() -> Notification | None:
        read = await api.get(two.notification_id)
        sent = [d for d in read.deliveries if d.revision == 2 and d.HasField("finish_time")]
        return read if sent else None

    notification = await eventually(amended)
    assert [d.channel for d in notification.deliveries if d.revision == 2] == [CHANNEL_IN_APP]
    assert {d.channel: d.reason for d in notification.decisions}[CHANNEL_EMAIL] == (
        ChannelDecisionReason.CHANNEL_DECISION_REASON_ALREADY_LEFT
    )
    page = await api.inbox.ListInboxItems(
        ListInboxItemsRequest(recipient_id="alice"), metadata=api.metadata
    )
    assert [item.title for item in page.items] == ["Order 2"]
    assert page.counts.total == 1
    # The same request again amends nothing and gets the same answer.
    replay = await api.ingestion.SendNotification(request, metadata=api.metadata)
    assert (replay.notification_id, replay.revision, replay.replayed) == (
        two.notification_id,
        2,
        True,
    )


async def test_many_amendments_at_once_end_in_one_item_of_the_last_revision(api: Api) -> None:
    await api.seed()
    answers = await asyncio.gather(
        *(
            api.ingestion.SendNotification(keyed(number), metadata=api.metadata)
            for number in range(30)
        )
    )
    assert len({answer.notification_id for answer in answers}) == 1
    assert sorted(answer.revision for answer in answers) == list(range(1, 31))
    last = max(answers, key=lambda answer: answer.revision)
    order = [answer.revision for answer in answers].index(last.revision)

    async def settled() -> Notification | None:
        read = await api.get(last.notification_id)
        last_ones = [d for d in read.deliveries if d.revision == 30]
        done = last_ones and all(d.HasField("finish_time") for d in last_ones)
        return read if done else None

    notification = await eventually(settled, within=20)
    mails = [
        d
        for d in notification.deliveries
        if d.channel == CHANNEL_EMAIL and d.state == DeliveryState.DELIVERY_STATE_SENT
    ]
    assert len(mails) == 1
    page = await api.inbox.ListInboxItems(
        ListInboxItemsRequest(recipient_id="alice"), metadata=api.metadata
    )
    assert [item.title for item in page.items] == [f"Order {order}"]


async def test_a_cancelled_key_begins_anew(api: Api) -> None:
    await api.seed()
    one = await api.ingestion.SendNotification(keyed(1), metadata=api.metadata)
    await cancel(
        api,
        CancelNotificationRequest(
            collapse=CollapseTarget(recipient_id="alice", collapse_key="order-42")
        ),
    )
    two = await api.ingestion.SendNotification(keyed(2), metadata=api.metadata)
    assert two.notification_id != one.notification_id
    assert two.revision == 1
    await delivered(api, two.notification_id)
    assert (await api.get(two.notification_id)).category == CATEGORY
