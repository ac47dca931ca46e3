"""Rebuilt from the ledger, tracking says what it said before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import pytest

from libs.messaging.memory import MemoryBroker
from services.tracking import clients
from services.tracking.domain.rebuild import pause_after
from tests.integration.hosting import Hosted
from tests.integration.tracking.conftest import HostTracking
from tests.integration.tracking.ledger import LedgerBeside, S, open_ledger
from tests.integration.tracking.statements import (
    SENT,
    changed,
    count,
    list_all,
    publish,
    read,
    totals,
)
from tests.support.eventually import eventually
from tidings.internal.dispatch.v1.ledger_service_pb2 import RestateDeliveriesRequest
from tidings.internal.dispatch.v1.ledger_service_pb2_grpc import LedgerServiceStub
from tidings.internal.tracking.v1 import rebuild_service_pb2 as pb
from tidings.internal.tracking.v1.rebuild_service_pb2_grpc import RebuildServiceStub
from tidings.tracking.v1.report_service_pb2 import (
    COUNT_INTERVAL_DAY,
    COUNT_INTERVAL_HOUR,
    DeliveryCount,
    DeliveryRecord,
)

if TYPE_CHECKING:
    from tidings.internal.tracking.v1.rebuild_service_pb2_grpc import RebuildServiceAsyncStub

RUNNING, DONE, STOPPED = 1, 2, 3
OCCUR = {
    S.SENT,
    S.FAILED,
    S.UNKNOWN,
    S.EXPIRED,
    S.DEAD,
    S.CANCELLED,
    S.SUPPRESSED,
    S.RETRY,
    S.PARKED,
}
"""States of which events tell. WAITING does not occur."""
AT_ONCE = {"TIDINGS_TRACKING_REBUILD_SHARE": "1"}


class Reports(NamedTuple):
    """All that a tenant can see of its deliveries."""

    deliveries: list[DeliveryRecord]
    by_hour: list[DeliveryCount]
    by_day: list[DeliveryCount]


class Beside(NamedTuple):
    """A ledger and a tracking that hears it."""

    ledger: LedgerBeside
    tracking: Hosted


async def reports(tracking: Hosted, tenant: str) -> Reports:
    hours = await count(tracking, tenant, interval=COUNT_INTERVAL_HOUR, start_time=_hours_ago(700))
    days = await count(tracking, tenant, interval=COUNT_INTERVAL_DAY)
    assert (hours.truncated, days.truncated) == (False, False)
    listed = await list_all(tracking, tenant, page_size=7)
    return Reports(listed, list(hours.counts), list(days.counts))


def _hours_ago(hours: int) -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours)


def rebuilds(tracking: Hosted) -> RebuildServiceAsyncStub:
    return RebuildServiceStub(tracking.internal)


async def rebuild(tracking: Hosted, *, from_nothing: bool = False) -> pb.Rebuild:
    """Returns how it ended."""
    await rebuilds(tracking).StartRebuild(pb.StartRebuildRequest(from_nothing=from_nothing))
    return await done(tracking)


async def done(tracking: Hosted) -> pb.Rebuild:
    async def probe() -> pb.Rebuild | None:
        found = (await rebuilds(tracking).GetRebuild(pb.GetRebuildRequest())).rebuild
        return found if found.state == DONE else None

    return await eventually(probe, within=30)


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "_PAGE", 20)


@pytest.fixture(scope="module")
async def broker() -> MemoryBroker:
    return MemoryBroker()


@pytest.fixture(scope="module")
async def ledger(
    database_url: str, redis_url: str, broker: MemoryBroker
) -> AsyncIterator[LedgerBeside]:
    async with open_ledger(database_url, redis_url, broker) as opened:
        yield opened


@pytest.fixture
async def beside(
    host_tracking: HostTracking, ledger: LedgerBeside, broker: MemoryBroker
) -> AsyncIterator[Beside]:
    async with host_tracking(
        broker=broker, environ=AT_ONCE, peer=lambda service: ledger.channel
    ) as tracking:
        yield Beside(ledger, tracking)


@asynccontextmanager
async def live_events(ledger: LedgerBeside, tenant: str) -> AsyncIterator[None]:
    """Has deliveries sent and tried again all the while."""

    enough = asyncio.Event()

    async def live() -> None:
        while not enough.is_set():
            tried = await ledger.claim(tenant, 5)
            await ledger.send(tried[:3], S.SENT, wait=None)
            await ledger.send(tried[3:], S.RETRY, wait=timedelta(hours=1))
            await ledger.cancel(tried[4:])

    async with asyncio.TaskGroup() as group:
        group.create_task(live())
        try:
            yield
        finally:
            enough.set()


async def in_ledger(ledger: LedgerBeside, tenant: str) -> dict[str, int]:
    rows = await ledger.pool.fetch(
        "SELECT state, count(*) FROM dispatch.deliveries WHERE tenant_id = $1 GROUP BY state",
        tenant,
    )
    return {S(row["state"]).name: row["count"] for row in rows}


async def stated_in_ledger(ledger: LedgerBeside) -> int:
    stated: int = await ledger.pool.fetchval(
        "SELECT count(*) FROM dispatch.deliveries WHERE state NOT IN (2, 3, 10)"
    )
    return stated


@pytest.mark.parametrize("how", ["emptied by the command", "emptied by hand"])
async def test_emptied_under_live_events_and_rebuilt_the_reports_are_the_same(
    beside: Beside, tenant: str, how: str
) -> None:
    ledger, tracking = beside
    in_hand = {str(c.task.delivery_id) for c in await ledger.every_state(tenant)}
    await ledger.told()
    items = [r for r in await list_all(tracking, tenant, channel=2) if r.state == SENT]
    for item in items[::2]:
        await publish(tracking.broker, read(tenant, UUID(item.notification_id).bytes))
    before = await reports(tracking, tenant)
    assert {S(r.state) for r in before.deliveries} == OCCUR
    assert any(c.facts for c in before.by_day)
    live = f"{tenant}-live"
    async with live_events(ledger, live):
        await eventually(lambda: totals(tracking, live))
        if how == "emptied by hand":
            await ledger.pool.execute(
                "TRUNCATE tracking.deliveries, tracking.counts, tracking.floor"
            )
        ended = await rebuild(tracking, from_nothing=how == "emptied by the command")
        assert ended.deliveries > len(before.deliveries) - len(in_hand)
    await ledger.told()
    after = await reports(tracking, tenant)
    assert after.deliveries == [r for r in before.deliveries if r.delivery_id not in in_hand]
    assert await totals(tracking, live) == await in_ledger(ledger, live)
    # What is in hand is told of when it comes out.
    claimed = [c for c in await _claimed(ledger, tenant) if c in in_hand]
    assert len(claimed) == len(in_hand)
    await _back_to_retry(ledger, claimed)
    await rebuild(tracking)
    whole = await reports(tracking, tenant)
    assert (whole.by_hour, whole.by_day) == (before.by_hour, before.by_day)
    assert whole.deliveries == before.deliveries


async def _claimed(ledger: LedgerBeside, tenant: str) -> list[str]:
    rows = await ledger.pool.fetch(
        "SELECT delivery_id FROM dispatch.deliveries WHERE tenant_id = $1 AND state IN (2, 3)",
        tenant,
    )
    return [str(row["delivery_id"]) for row in rows]


async def _back_to_retry(ledger: LedgerBeside, ids: list[str]) -> None:
    """As they were when an event told of them last."""
    await ledger.pool.execute(
        "UPDATE dispatch.deliveries SET state = 4, attempts = 1,"
        " due_time = now() + interval '1 hour' WHERE delivery_id = ANY($1::uuid[])",
        [UUID(value) for value in ids],
    )


async def test_a_rebuild_of_what_is_known_changes_nothing(beside: Beside, tenant: str) -> None:
    ledger, tracking = beside
    await ledger.every_state(tenant)
    await ledger.told()
    before = await reports(tracking, tenant)
    for _ in range(2):
        ended = await rebuild(tracking)
        assert ended.deliveries == await stated_in_ledger(ledger)
        assert ended.first_time.ToDatetime() < ended.last_time.ToDatetime()
        assert ended.position_time == ended.last_time
        assert await reports(tracking, tenant) == before


async def test_an_event_that_comes_after_its_page_counts_once(beside: Beside, tenant: str) -> None:
    """The page tells what an event still under way tells too."""
    ledger, tracking = beside
    claimed = await ledger.claim(tenant, 3)
    await ledger.send(claimed, S.SENT, wait=None)
    await ledger.told()
    await rebuild(tracking, from_nothing=True)
    first = min(c.task.delivery_id.int for c in claimed)
    page = await LedgerServiceStub(ledger.channel).RestateDeliveries(
        RestateDeliveriesRequest(after_delivery_id=UUID(int=first - 1).bytes, page_size=1000)
    )
    assert sum(c.tenant_id == tenant for c in page.changes) == 3
    await publish(tracking.broker, changed(page.changes))
    assert await totals(tracking, tenant) == {"SENT": 3}


async def test_of_several_processes_one_reads_the_pages(
    beside: Beside, host_tracking: HostTracking, tenant: str
) -> None:
    ledger, tracking = beside
    await ledger.every_state(tenant)
    await ledger.told()
    before = await reports(tracking, tenant)
    async with host_tracking(environ=AT_ONCE, peer=lambda service: ledger.channel):
        ended = await rebuild(tracking, from_nothing=True)
    assert ended.deliveries == await stated_in_ledger(ledger)
    assert (await reports(tracking, tenant)).deliveries[:5] == before.deliveries[:5]


async def test_one_that_is_under_way_is_joined_or_begun_anew_or_stopped(
    host_tracking: HostTracking, tenant: str
) -> None:
    # Where the ledger cannot be asked it stays where it is.
    async with host_tracking() as lonely:
        begun = (await rebuilds(lonely).StartRebuild(pb.StartRebuildRequest())).rebuild
        again = (await rebuilds(lonely).StartRebuild(pb.StartRebuildRequest())).rebuild
        assert (begun.state, again.start_time) == (RUNNING, begun.start_time)
        assert not begun.HasField("position_time")
        anew = await rebuilds(lonely).StartRebuild(pb.StartRebuildRequest(from_nothing=True))
        assert anew.rebuild.start_time.ToDatetime() > begun.start_time.ToDatetime()
        stopped = (await rebuilds(lonely).StopRebuild(pb.StopRebuildRequest())).rebuild
        assert stopped.state == STOPPED
        next_one = (await rebuilds(lonely).StartRebuild(pb.StartRebuildRequest())).rebuild
        assert next_one.state == RUNNING
        await rebuilds(lonely).StopRebuild(pb.StopRebuildRequest())


async def test_who_cannot_ask_the_ledger_leaves_it_to_another(
    host_tracking: HostTracking,
    ledger: LedgerBeside,
    tenant: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await ledger.every_state(tenant)
    async with host_tracking() as lonely:
        await rebuilds(lonely).StartRebuild(pb.StartRebuildRequest())

        async def claimed_in_vain() -> bool:
            return "rebuild_waits" in caplog.messages

        await eventually(claimed_in_vain)
        async with host_tracking(environ=AT_ONCE, peer=lambda service: ledger.channel):
            await done(lonely)


async def test_where_less_is_kept_than_in_the_ledger_all_of_it_is_counted(
    host_tracking: HostTracking, ledger: LedgerBeside, broker: MemoryBroker, tenant: str
) -> None:
    """Nothing is deleted by age before it is done, or half of what is told would be passed over."""
    environ = {
        **AT_ONCE,
        "TIDINGS_TRACKING_RETENTION_SECONDS": "86400",
        "TIDINGS_TRACKING_RETENTION_INTERVAL_SECONDS": "0.01",
    }
    async with host_tracking(
        broker=broker, environ=environ, peer=lambda service: ledger.channel
    ) as tracking:
        await ledger.send(await ledger.claim(tenant, 200, days_ago=9), S.SENT, wait=None)
        await ledger.told()
        await ledger.pool.execute(
            "UPDATE dispatch.deliveries SET change_time = now() - interval '8 days'"
            " WHERE tenant_id = $1",
            tenant,
        )
        await rebuild(tracking, from_nothing=True)
        assert await totals(tracking, tenant) == {"SENT": 200}

        async def gone() -> bool:
            return not await list_all(tracking, tenant)

        await eventually(gone)
        # And told once more, it is not counted anew.
        await rebuild(tracking)
        assert await totals(tracking, tenant) == {"SENT": 200}
        await ledger.pool.execute("DELETE FROM tracking.floor")


@pytest.mark.parametrize(
    ("share", "rest"), [(1.0, 0.0), (0.5, 2.0), (0.25, 6.0), (0.01, 198.0), (0.0, 198.0)]
)
def test_it_rests_in_proportion_to_what_a_page_took(share: float, rest: float) -> None:
    assert pause_after(2.0, share=share) == pytest.approx(rest)
