"""A notification's way through the whole cluster, by the public door."""

from __future__ import annotations

import asyncio
from email import message_from_bytes, policy
from pathlib import Path

from cli.serve import Cluster
from tests.support.api import CATEGORY, Api, send_request
from tests.support.eventually import eventually
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL, CHANNEL_IN_APP
from tidings.dispatch.v1.delivery_pb2 import DeliveryState
from tidings.inbox.v1.inbox_stream_service_pb2 import (
    InboxChangeType,
    StartLive,
    SubscribeRequest,
)
from tidings.ingestion.v1.notification_pb2 import Notification, NotificationState
from tidings.preference.v1.channel_decision_pb2 import ChannelDecisionReason
from tidings.preference.v1.preference_service_pb2 import (
    Preference,
    PreferenceChoice,
    UpdatePreferencesRequest,
)

SENT = DeliveryState.DELIVERY_STATE_SENT


async def delivered(api: Api, notification_id: str) -> Notification:
    """Returns the notification once every delivery has been sent."""

    async def probe() -> Notification | None:
        notification = await api.get(notification_id)
        states = {delivery.state for delivery in notification.deliveries}
        return notification if states == {SENT} else None

    return await eventually(probe)


def mail_of(cluster: Cluster, notification_id: str) -> Path:
    """Returns the one mail that the sink keeps of a notification."""
    assert cluster.mail_directory is not None
    found = [
        path
        for path in cluster.mail_directory.glob("*.eml")
        if message_from_bytes(path.read_bytes())["X-Tidings-Notification"] == notification_id
    ]
    assert len(found) == 1
    return found[0]


async def test_it_arrives_by_mail_and_down_an_open_stream(cluster: Cluster, api: Api) -> None:
    await api.seed()
    stream = api.stream.Subscribe(
        SubscribeRequest(recipient_id="alice", live=StartLive()), metadata=api.metadata
    )
    frames = stream.__aiter__()
    opened = await anext(frames)
    assert opened.WhichOneof("frame") == "opened"

    answer = await api.send(variables={"order": 42})
    async with asyncio.timeout(10):
        change = await anext(frames)
    assert [c.type for c in change.changes.changes] == [InboxChangeType.INBOX_CHANGE_TYPE_ADDED]
    item = change.changes.changes[0].item
    assert (item.item_id, item.title, item.category) == (
        answer.notification_id,
        "Order 42",
        CATEGORY,
    )
    assert (change.changes.counts.unread, change.changes.counts.total) == (1, 1)
    stream.cancel()

    notification = await delivered(api, answer.notification_id)
    assert notification.state == NotificationState.NOTIFICATION_STATE_PLANNED
    assert notification.timeline_complete
    assert {d.channel for d in notification.deliveries} == {CHANNEL_EMAIL, CHANNEL_IN_APP}
    mail = message_from_bytes(
        mail_of(cluster, answer.notification_id).read_bytes(), policy=policy.default
    )
    assert (mail["To"], mail["Subject"]) == ("alice@example.com", "Order 42")

    async def written() -> bool:
        read = await api.get(answer.notification_id)
        return any(d.HasField("stream_write_time") for d in read.deliveries)

    assert await eventually(written)


async def test_the_timeline_tells_each_step(cluster: Cluster, api: Api) -> None:
    await api.seed()
    answer = await api.send(channels=[CHANNEL_EMAIL])
    notification = await delivered(api, answer.notification_id)
    (delivery,) = notification.deliveries
    (attempt,) = delivery.attempts
    moments = [
        notification.accept_time,
        notification.plan_time,
        delivery.claim_time,
        delivery.render_time,
        attempt.start_time,
        attempt.finish_time,
        delivery.finish_time,
    ]
    times = [moment.ToNanoseconds() for moment in moments]
    assert times == sorted(times)
    assert attempt.provider == "smtp"
    assert attempt.response.startswith("250 ")
    assert len(notification.trace_id) == 32


async def test_the_callers_trace_is_continued(api: Api) -> None:
    await api.seed()
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    answer = await api.ingestion.SendNotification(
        send_request(), metadata=(*api.metadata, ("traceparent", traceparent))
    )
    notification = await api.get(answer.notification_id)
    assert notification.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"


async def test_preferences_decide_and_the_plan_says_why(api: Api) -> None:
    await api.seed()
    off = Preference(
        category=CATEGORY,
        channel=CHANNEL_EMAIL,
        choice=PreferenceChoice.PREFERENCE_CHOICE_DISABLED,
    )
    await api.preferences.UpdatePreferences(
        UpdatePreferencesRequest(recipient_id="alice", preferences=[off]), metadata=api.metadata
    )
    answer = await api.send()
    notification = await delivered(api, answer.notification_id)
    assert {d.channel: d.reason for d in notification.decisions} == {
        CHANNEL_EMAIL: ChannelDecisionReason.CHANNEL_DECISION_REASON_DISABLED_BY_RECIPIENT,
        CHANNEL_IN_APP: ChannelDecisionReason.CHANNEL_DECISION_REASON_SELECTED,
    }
    assert [d.channel for d in notification.deliveries] == [CHANNEL_IN_APP]


async def test_a_notification_that_nobody_wants_is_suppressed(api: Api) -> None:
    await api.seed()
    off = Preference(choice=PreferenceChoice.PREFERENCE_CHOICE_DISABLED)
    await api.preferences.UpdatePreferences(
        UpdatePreferencesRequest(recipient_id="alice", preferences=[off]), metadata=api.metadata
    )
    answer = await api.send()

    async def suppressed() -> bool:
        read = await api.get(answer.notification_id)
        return read.state == NotificationState.NOTIFICATION_STATE_SUPPRESSED

    assert await eventually(suppressed)


async def test_a_repeat_returns_the_first_answer(api: Api) -> None:
    await api.seed()
    first = await api.send(request_id="order-42")
    repeat = await api.send(request_id="order-42")
    assert repeat.replayed
    assert not first.replayed
    repeat.replayed = False
    assert repeat == first


async def test_fifty_calls_at_once_with_one_request_id_are_one_notification(api: Api) -> None:
    await api.seed()
    answers = await asyncio.gather(*(api.send(request_id="same") for _ in range(50)))
    assert len({answer.notification_id for answer in answers}) == 1
    assert [answer.replayed for answer in answers].count(False) == 1
