"""What tracking says of a notification's way through the whole cluster."""

from __future__ import annotations

import asyncio
from collections import Counter

from tests.e2e.test_send import delivered
from tests.support.api import CATEGORY, TEMPLATE, Api
from tests.support.eventually import eventually
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL, CHANNEL_IN_APP
from tidings.dispatch.v1.delivery_pb2 import DeliveryState
from tidings.inbox.v1.inbox_service_pb2 import MarkReadRequest
from tidings.ingestion.v1.ingestion_service_pb2 import (
    CancelNotificationRequest,
    ListNotificationsRequest,
    ListNotificationsResponse,
)
from tidings.ingestion.v1.notification_pb2 import Notification, NotificationState
from tidings.tracking.v1.fact_pb2 import FACT_TYPE_READ
from tidings.tracking.v1.report_service_pb2 import (
    CountDeliveriesRequest,
    CountDeliveriesResponse,
    DeliveryRecord,
    ListDeliveriesRequest,
)

SENT = DeliveryState.DELIVERY_STATE_SENT
CANCELLED = DeliveryState.DELIVERY_STATE_CANCELLED
PLANNED = NotificationState.NOTIFICATION_STATE_PLANNED


async def records(api: Api, count: int, **filters: object) -> list[DeliveryRecord]:
    """Returns the deliveries that tracking lists, when there are `count`."""

    async def probe() -> list[DeliveryRecord] | None:
        page = await api.reports.ListDeliveries(
            ListDeliveriesRequest(**filters),  # type: ignore[arg-type]
            metadata=api.metadata,
        )
        return list(page.deliveries) if len(page.deliveries) == count else None

    return await eventually(probe)


async def counts(api: Api) -> CountDeliveriesResponse:
    return await api.reports.CountDeliveries(CountDeliveriesRequest(), metadata=api.metadata)


async def listed(api: Api, **fields: object) -> ListNotificationsResponse:
    return await api.ingestion.ListNotifications(
        ListNotificationsRequest(**fields),  # type: ignore[arg-type]
        metadata=api.metadata,
    )


async def test_what_was_sent_and_read_is_listed_counted_and_shown(api: Api) -> None:
    await api.seed()
    answer = await api.send()
    sent = await delivered(api, answer.notification_id)
    found = await records(api, 2)
    assert {(r.channel, r.state, r.provider, r.attempts) for r in found} == {
        (CHANNEL_EMAIL, SENT, "smtp", 1),
        (CHANNEL_IN_APP, SENT, "inbox", 1),
    }
    for record in found:
        assert record.notification_id == answer.notification_id
        assert (record.recipient_id, record.category) == ("alice", CATEGORY)
        assert (record.template_name, record.template_version) == (TEMPLATE, 1)
        assert record.accept_time == sent.accept_time
    assert {r.delivery_id for r in found} == {d.delivery_id for d in sent.deliveries}

    marked = await api.inbox.MarkRead(
        MarkReadRequest(recipient_id="alice", item_ids=[answer.notification_id]),
        metadata=api.metadata,
    )

    async def read() -> Notification | None:
        notification = await api.get(answer.notification_id)
        return notification if notification.facts else None

    shown = await eventually(read)
    assert shown.timeline_complete
    (fact,) = shown.facts
    assert (fact.type, fact.channel, fact.source) == (FACT_TYPE_READ, CHANNEL_IN_APP, "inbox")
    assert fact.time == marked.items[0].read_time
    places = {
        place.channel: (
            [(s.state, s.count) for s in place.states],
            [(f.type, f.count) for f in place.facts],
        )
        for place in (await counts(api)).counts
    }
    assert places == {
        CHANNEL_EMAIL: ([(SENT, 1)], []),
        CHANNEL_IN_APP: ([(SENT, 1)], [(FACT_TYPE_READ, 1)]),
    }


async def test_what_is_cancelled_before_it_was_claimed_is_listed_with_all_that_it_was(
    api: Api,
) -> None:
    await api.seed()
    answers = [await api.send() for _ in range(10)]
    await asyncio.gather(
        *(
            api.ingestion.CancelNotification(
                CancelNotificationRequest(notification_id=answer.notification_id),
                metadata=api.metadata,
            )
            for answer in answers
        )
    )

    async def ended() -> Counter[int] | None:
        found = Counter[int]()
        for answer in answers:
            for delivery in (await api.get(answer.notification_id)).deliveries:
                found[delivery.state] += 1
        return found if set(found) <= {SENT, CANCELLED} else None

    states = await eventually(ended)
    found = await records(api, states.total())
    assert Counter(record.state for record in found) == states
    assert {(r.recipient_id, r.category, r.template_name) for r in found} <= {
        ("alice", CATEGORY, TEMPLATE)
    }


async def test_notifications_are_listed_newest_first_by_every_filter(api: Api) -> None:
    await api.seed(["alice", "bob"])
    alice = [(await api.send("alice")).notification_id for _ in range(3)]
    bob = [(await api.send("bob")).notification_id for _ in range(2)]
    for notification_id in (*alice, *bob):
        await delivered(api, notification_id)

    def ids(page: ListNotificationsResponse) -> list[str]:
        return [notification.notification_id for notification in page.notifications]

    everything = await listed(api)
    assert ids(everything) == sorted([*alice, *bob], reverse=True)
    first = everything.notifications[0]
    assert (first.recipient_id, first.state, first.timeline_complete) == ("bob", PLANNED, False)
    assert [*first.decisions, *first.deliveries, *first.facts] == []
    assert ids(await listed(api, recipient_id="alice")) == alice[::-1]
    assert ids(await listed(api, states=[PLANNED], category=CATEGORY)) == ids(everything)
    assert ids(await listed(api, category="other")) == []
    third = (await api.get(alice[2])).accept_time
    assert ids(await listed(api, accept_time_from=third)) == ids(everything)[:3]
    assert ids(await listed(api, accept_time_until=third)) == alice[1::-1]
    page = await listed(api, page_size=2, recipient_id="alice")
    rest = await listed(api, page_size=2, recipient_id="alice", page_token=page.next_page_token)
    assert (ids(page) + ids(rest), rest.next_page_token) == (alice[::-1], "")
