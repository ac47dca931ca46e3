"""Amendments under a collapse key, by the public door."""

from __future__ import annotations

import asyncio

from cli.serve import Cluster
from tests.e2e.sending import cancel, later
from tests.e2e.test_send import delivered
from tests.support.api import CATEGORY, Api, send_request
from tests.support.eventually import eventually
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL, CHANNEL_IN_APP
from tidings.dispatch.v1.delivery_pb2 import DeliveryState
from tidings.inbox.v1.inbox_service_pb2 import ListInboxItemsRequest
from tidings.ingestion.v1.ingestion_service_pb2 import (
    CancelNotificationRequest,
    CollapseTarget,
    SendNotificationRequest,
)
from tidings.ingestion.v1.notification_pb2 import Notification
from tidings.preference.v1.channel_decision_pb2 import ChannelDecisionReason


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
