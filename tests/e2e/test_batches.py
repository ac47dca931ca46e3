"""Batches, schedules and times to live, by the public door."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.rpc import error_details_pb2

from tests.e2e.sending import CANCELLED, SCHEDULED, cancel, later, send
from tests.e2e.test_send import delivered
from tests.support.api import Api, send_request
from tests.support.refusals import refusal
from tidings.ingestion.v1.ingestion_service_pb2 import (
    CancelNotificationRequest,
    SendNotificationsRequest,
)


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
