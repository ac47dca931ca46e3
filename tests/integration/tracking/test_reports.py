"""Lists and counts as backends see them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import grpc
import pytest

from services.tracking.usecases import list_deliveries as listing
from tests.integration.hosting import Hosted
from tests.integration.tracking.statements import (
    FAILED,
    RETRY,
    SENT,
    change,
    changed,
    count,
    in_app,
    list_all,
    list_deliveries,
    publish,
    then,
)
from tests.support.api import error_info, violated_fields
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL, CHANNEL_IN_APP
from tidings.event.v1.event_batch_pb2 import DeliveryChange
from tidings.tracking.v1.report_service_pb2 import COUNT_INTERVAL_DAY


async def stated(tracking: Hosted, *changes: DeliveryChange) -> list[str]:
    """Has tracking record changes; returns the ids of the deliveries, newest first."""
    await publish(tracking.broker, changed(changes))
    return sorted((str(UUID(bytes=c.delivery_id)) for c in changes), reverse=True)


def ids(deliveries: Any) -> list[str]:
    return [delivery.delivery_id for delivery in deliveries]


async def test_pages_are_newest_first_and_go_on_where_the_last_ended(
    tracking: Hosted, tenant: str
) -> None:
    begin = datetime.now(UTC) - timedelta(hours=1)
    wanted = await stated(
        tracking, *(change(tenant, accepted=begin + timedelta(seconds=n)) for n in range(25))
    )
    found: list[str] = []
    token, sizes = "", []
    while True:
        page = await list_deliveries(tracking, tenant, page_size=10, page_token=token)
        found += ids(page.deliveries)
        sizes.append(len(page.deliveries))
        token = page.next_page_token
        if not token:
            break
    assert (found, sizes) == (wanted, [10, 10, 5])
    assert (await list_deliveries(tracking, "another")).deliveries == []


async def test_every_filter_must_hold(tracking: Hosted, tenant: str) -> None:
    begin = datetime.now(UTC) - timedelta(hours=1)
    bob = change(tenant, recipient_id="bob", accepted=begin)
    news = change(tenant, category="news", accepted=begin + timedelta(microseconds=1500))
    item = in_app(tenant, accepted=begin + timedelta(milliseconds=2))
    failed = change(tenant, state=FAILED, accepted=begin + timedelta(seconds=3))
    await stated(tracking, bob, news, item, failed)

    async def find(**filters: Any) -> set[str]:
        return set(ids(await list_all(tracking, tenant, **filters)))

    def names(*changes: DeliveryChange) -> set[str]:
        return {str(UUID(bytes=c.delivery_id)) for c in changes}

    assert await find(recipient_id="bob") == names(bob)
    assert await find(category="news") == names(news)
    assert await find(channel=CHANNEL_IN_APP) == names(item)
    assert await find(states=[FAILED, RETRY]) == names(failed)
    assert await find(states=[SENT], channel=CHANNEL_EMAIL) == names(bob, news)
    assert await find(recipient_id="bob", states=[FAILED]) == set()
    # Exact, although ids keep milliseconds only.
    assert await find(accept_time_from=news.accept_time) == names(news, item, failed)
    assert await find(accept_time_until=news.accept_time) == names(bob)
    assert await find(
        accept_time_from=news.accept_time, accept_time_until=failed.accept_time
    ) == names(news, item)


async def test_a_selective_filter_ends_a_page_and_not_the_list(
    tracking: Hosted, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_SCAN", 10)
    begin = datetime.now(UTC) - timedelta(hours=1)
    rare = [change(tenant, category="rare", accepted=begin + timedelta(seconds=n)) for n in (3, 39)]
    many = [change(tenant, accepted=begin + timedelta(seconds=n)) for n in range(40)]
    await stated(tracking, *rare, *many)
    first = await list_deliveries(tracking, tenant, category="rare")
    assert len(first.deliveries) == 1
    assert first.next_page_token
    assert len(await list_all(tracking, tenant, category="rare")) == 2
    assert len(await list_all(tracking, tenant)) == 42


async def test_a_token_is_good_for_its_own_arguments(tracking: Hosted, tenant: str) -> None:
    await stated(tracking, *(change(tenant) for _ in range(3)))
    token = (await list_deliveries(tracking, tenant, page_size=1)).next_page_token
    assert (await list_deliveries(tracking, tenant, page_size=2, page_token=token)).deliveries
    for other in ({"category": "order.shipped"}, {"states": [SENT]}):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await list_deliveries(tracking, tenant, page_token=token, **other)
        assert error_info(refused.value).reason == "PAGE_TOKEN_INVALID"
    with pytest.raises(grpc.aio.AioRpcError):
        await list_deliveries(tracking, "another", page_token=token)


async def test_counts_are_by_hour_or_day_of_acceptance(tracking: Hosted, tenant: str) -> None:
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=2)
    early = change(tenant, accepted=day + timedelta(minutes=59))
    late = change(tenant, accepted=day + timedelta(hours=1))
    news = change(tenant, category="news", accepted=day + timedelta(hours=1, minutes=1))
    gone = then(change(tenant, state=RETRY, accepted=day + timedelta(hours=1)), FAILED)
    await stated(tracking, early, late, news, gone)
    hours = await count(tracking, tenant, start_time=day, end_time=day + timedelta(hours=2))
    assert [
        (c.start_time.ToDatetime(UTC) - day, c.category, [(s.state, s.count) for s in c.states])
        for c in hours.counts
    ] == [
        (timedelta(0), "order.shipped", [(SENT, 1)]),
        (timedelta(hours=1), "news", [(SENT, 1)]),
        (timedelta(hours=1), "order.shipped", [(SENT, 1), (FAILED, 1)]),
    ]
    days = await count(
        tracking,
        tenant,
        start_time=day,
        end_time=day + timedelta(days=1),
        interval=COUNT_INTERVAL_DAY,
        category="order.shipped",
    )
    (whole,) = days.counts
    assert [(s.state, s.count) for s in whole.states] == [(SENT, 2), (FAILED, 1)]
    assert whole.start_time.ToDatetime(UTC) == day
    one = await count(tracking, tenant, start_time=day, end_time=day + timedelta(hours=1))
    assert [c.start_time.ToDatetime(UTC) for c in one.counts] == [day]
    assert not (await count(tracking, "another", start_time=day, interval=2)).counts


HOUR = datetime(2026, 3, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"start_time": HOUR + timedelta(minutes=1)}, "start_time"),
        ({"start_time": HOUR, "interval": COUNT_INTERVAL_DAY}, "start_time"),
        ({"end_time": HOUR + timedelta(seconds=1)}, "end_time"),
        ({"start_time": HOUR, "end_time": HOUR}, "end_time"),
        ({"start_time": HOUR, "end_time": HOUR + timedelta(hours=745)}, "end_time"),
        ({"channel": 99}, "channel"),
    ],
)
async def test_a_time_that_cannot_be_counted_is_refused(
    tracking: Hosted, tenant: str, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await count(tracking, tenant, **fields)
    assert error_info(refused.value).reason == "INVALID_FIELD"
    assert violated_fields(refused.value) == [field]
