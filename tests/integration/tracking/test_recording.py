"""Whatever order events come in, and however often: the same deliveries, facts and counts."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from libs.messaging.broker import Message
from libs.messaging.memory import MemoryBroker
from libs.messaging.topology import CHANGED, DEAD_LETTERS_QUEUE, EVENTS, TRACKING_QUEUE
from tests.integration.hosting import Hosted
from tests.integration.tracking.conftest import HostTracking
from tests.integration.tracking.statements import (
    FAILED,
    RETRY,
    SENT,
    UNKNOWN,
    change,
    changed,
    in_app,
    list_all,
    publish,
    read,
    recount,
    then,
    totals,
)
from tests.support.consumers import Collector
from tests.support.eventually import eventually
from tidings.event.v1.event_batch_pb2 import DeliveryChange, EventBatch
from tidings.internal.tracking.v1.fact_service_pb2 import NotificationFact, ReadFactsRequest
from tidings.internal.tracking.v1.fact_service_pb2_grpc import FactServiceStub
from tidings.tracking.v1.fact_pb2 import FACT_TYPE_READ

_TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = 'tidings-tracking' AND datname = current_database()
"""


async def facts_of(hosted: Hosted, tenant: str, *ids: bytes) -> list[NotificationFact]:
    answer = await FactServiceStub(hosted.internal).ReadFacts(
        ReadFactsRequest(tenant_id=tenant, notification_ids=ids)
    )
    return list(answer.facts)


def histories(tenant: str, many: int) -> list[list[DeliveryChange]]:
    """Returns deliveries with their changes in order."""
    found = []
    for _ in range(many):
        steps = [change(tenant, state=RETRY, attempts=0)]
        for state in random.choices([RETRY, UNKNOWN, FAILED, SENT], k=random.randrange(5)):
            steps.append(then(steps[-1], state, attempts=len(steps)))
        found.append(steps)
    return found


async def test_the_newest_change_wins_whatever_the_order(tracking: Hosted, tenant: str) -> None:
    first = change(tenant, state=RETRY)
    second = then(first, UNKNOWN, attempts=2)
    third = then(second, SENT, attempts=3)
    for step in (second, third, first, second):
        await publish(tracking.broker, changed([step]))
    (record,) = await list_all(tracking, tenant)
    assert (record.state, record.attempts) == (SENT, 3)
    assert record.state_time == third.state_time
    assert record.accept_time == first.accept_time
    assert await totals(tracking, tenant) == {"SENT": 1}


async def test_shuffled_doubled_and_taken_by_several_consumers_it_comes_to_the_same(
    tracking: Hosted, host_tracking: HostTracking, tenant: str
) -> None:
    told = histories(tenant, 300)
    steps = [step for history in told for step in history]
    pile = random.sample(steps * 2, len(steps) * 2)
    bodies = [changed(pile[i : i + 20]) for i in range(0, len(pile), 20)]
    async with host_tracking() as second, host_tracking() as third:
        brokers = [tracking.broker, second.broker, third.broker]
        await asyncio.gather(*(publish(brokers[n % 3], body) for n, body in enumerate(bodies)))
    last = [history[-1] for history in told]
    assert await totals(tracking, tenant) == recount(last)
    listed = {r.delivery_id: r.state for r in await list_all(tracking, tenant, page_size=200)}
    assert listed == {str(UUID(bytes=c.delivery_id)): c.state for c in last}


_MISCOUNTED = """
WITH places AS (
    SELECT d.*, date_trunc('hour', accept_time, 'UTC') AS hour FROM tracking.deliveries AS d WHERE tenant_id = $1
),
recounted AS (
    SELECT hour, category, channel, template_name, state, 0 AS fact_type, count(*) FROM places
    GROUP BY 1, 2, 3, 4, 5
    UNION ALL
    SELECT hour, category, channel, template_name, 0, type, count(DISTINCT delivery_id)
    FROM places JOIN tracking.facts USING (notification_id, channel)
    GROUP BY 1, 2, 3, 4, 6
),
counted AS (
    SELECT hour, category, channel, template_name, state, fact_type, count FROM tracking.counts
    WHERE tenant_id = $1 AND count <> 0
)
SELECT count(*) FROM recounted FULL JOIN counted USING (hour, category, channel, template_name, state, fact_type)
WHERE recounted.count IS DISTINCT FROM counted.count
"""


@pytest.mark.parametrize("seed", range(5))
async def test_in_whatever_batches_it_comes_to_what_a_recount_says(
    tracking: Hosted, tenant: str, database: asyncpg.Connection, seed: int
) -> None:
    """Two revisions of an item share its notification, and so its facts; a change may tell another category
    than the one before."""
    draw = random.Random(seed)
    told: list[bytes] = []
    for _ in range(20):
        first = in_app(tenant, category=draw.choice(["news", "order.shipped"]), state=RETRY)
        notification = UUID(bytes=first.notification_id)
        second = in_app(tenant, notification=notification, revision=2)
        steps = [first, second, then(first, SENT), then(second, FAILED, category="moved")]
        told += [changed(draw.sample(steps, draw.randrange(1, 5))) for _ in range(3)]
        told += [read(tenant, first.notification_id)] * draw.randrange(3)
    draw.shuffle(told)
    await asyncio.gather(*(publish(tracking.broker, body) for body in told))
    assert await database.fetchval(_MISCOUNTED, tenant) == 0
    least = await database.fetchval(
        "SELECT min(count) FROM tracking.counts WHERE tenant_id = $1", tenant
    )
    assert least >= 0


@pytest.mark.parametrize("read_first", [True, False])
async def test_a_read_is_counted_once_whichever_comes_first(
    tracking: Hosted, tenant: str, read_first: bool
) -> None:
    sent = in_app(tenant)
    at = datetime.now(UTC) - timedelta(minutes=1)
    bodies = [read(tenant, sent.notification_id, at=at), changed([sent])]
    for body in bodies if read_first else reversed(bodies):
        await publish(tracking.broker, body)
    # Again, a moment later: an amended item was read once more.
    await publish(tracking.broker, read(tenant, sent.notification_id))
    assert await totals(tracking, tenant) == {"SENT": 1, "fact": 1}
    (entry,) = await facts_of(tracking, tenant, sent.notification_id)
    assert (entry.notification_id, entry.fact.type) == (sent.notification_id, FACT_TYPE_READ)
    assert (entry.fact.source, entry.fact.time.ToDatetime(UTC)) == ("inbox", at)
    assert await facts_of(tracking, "another", sent.notification_id) == []


async def test_reads_and_deliveries_that_meet_are_all_counted(
    tracking: Hosted, host_tracking: HostTracking, tenant: str
) -> None:
    sent = [in_app(tenant) for _ in range(60)]
    async with host_tracking() as other:
        await asyncio.gather(
            *(publish(tracking.broker, changed([one])) for one in sent),
            *(publish(other.broker, read(tenant, one.notification_id)) for one in sent),
        )
    assert await totals(tracking, tenant) == {"SENT": 60, "fact": 60}


async def test_a_mail_of_the_same_notification_has_no_read(tracking: Hosted, tenant: str) -> None:
    item = in_app(tenant)
    mail = change(tenant, notification=UUID(bytes=item.notification_id))
    await publish(tracking.broker, changed([item, mail]))
    await publish(tracking.broker, read(tenant, item.notification_id))
    assert await totals(tracking, tenant) == {"SENT": 2, "fact": 1}


async def test_what_died_between_commit_and_acknowledgement_comes_again_and_counts_once(
    tracking: Hosted, host_tracking: HostTracking, tenant: str, database: asyncpg.Connection
) -> None:
    """The consumer is stopped after its commit: the event is in the table and still the broker's."""
    broker = MemoryBroker()
    sent = change(tenant)
    publishing = asyncio.create_task(publish(broker, changed([sent])))
    async with asyncio.timeout(10):
        # It holds the event unsettled, as a process that dies after its commit does.
        async with broker.consume(TRACKING_QUEUE, _record_and_stall(tracking), prefetch=1):
            await _recorded(database, sent)
            assert not publishing.done()
        assert not publishing.done()
        async with host_tracking(broker=broker):
            await publishing
    assert await totals(tracking, tenant) == {"SENT": 1}


def _record_and_stall(tracking: Hosted):  # type: ignore[no-untyped-def]
    async def handle(received):  # type: ignore[no-untyped-def]
        await tracking.broker.publish(EVENTS, CHANGED, received.message)
        await asyncio.Event().wait()

    return handle


async def _recorded(database: asyncpg.Connection, sent: DeliveryChange) -> None:
    async def probe() -> bool:
        found: bool = await database.fetchval(
            "SELECT count(*) = 1 FROM tracking.deliveries WHERE delivery_id = $1",
            UUID(bytes=sent.delivery_id),
        )
        return found

    await eventually(probe)


@pytest.mark.parametrize(
    "body",
    [
        b"\xff garbage",
        EventBatch(format=99).SerializeToString(),
        changed([DeliveryChange(delivery_id=b"short")]),
    ],
)
async def test_what_cannot_be_read_lies_with_the_dead_letters_and_others_go_on(
    tracking: Hosted, tenant: str, body: bytes
) -> None:
    letters = Collector()
    async with tracking.broker.consume(DEAD_LETTERS_QUEUE, letters, prefetch=1):
        await asyncio.gather(
            tracking.broker.publish(EVENTS, CHANGED, Message(body=body)),
            *(publish(tracking.broker, changed([change(tenant)])) for _ in range(5)),
        )
        assert await letters.until(1) == [body]
    assert await totals(tracking, tenant) == {"SENT": 5}


async def test_what_the_tables_refuse_takes_nobody_along(tracking: Hosted, tenant: str) -> None:
    bad = changed([change(tenant, channel=1, template_name="a\0b")])
    letters = Collector()
    async with tracking.broker.consume(DEAD_LETTERS_QUEUE, letters, prefetch=1):
        await asyncio.gather(
            publish(tracking.broker, bad),
            *(publish(tracking.broker, changed([change(tenant)])) for _ in range(5)),
        )
        assert await letters.until(1) == [bad]
    assert await totals(tracking, tenant) == {"SENT": 5}


async def test_while_the_tables_are_away_events_are_held_and_then_recorded(
    tracking: Hosted, tenant: str, database: asyncpg.Connection
) -> None:
    await database.execute(_TERMINATE)
    async with asyncio.timeout(20):
        await publish(tracking.broker, changed([change(tenant)]))
    assert await totals(tracking, tenant) == {"SENT": 1}


async def test_told_again_from_the_beginning_the_tables_are_the_same(
    tracking: Hosted, tenant: str, database: asyncpg.Connection
) -> None:
    told = histories(tenant, 50)
    bodies = [changed(history) for history in told]
    bodies += [read(tenant, history[0].notification_id) for history in told[:10]]
    for body in bodies:
        await publish(tracking.broker, body)
    before = (await totals(tracking, tenant), await list_all(tracking, tenant))
    for table in ("deliveries", "facts", "counts"):
        await database.execute(f"DELETE FROM tracking.{table} WHERE tenant_id = $1", tenant)  # noqa: S608
    assert await totals(tracking, tenant) == {}
    for body in random.sample(bodies, len(bodies)):
        await publish(tracking.broker, body)
    assert (await totals(tracking, tenant), await list_all(tracking, tenant)) == before


async def test_what_was_kept_long_enough_goes_and_its_counts_stay(
    host_tracking: HostTracking, tenant: str
) -> None:
    environ = {
        "TIDINGS_TRACKING_RETENTION_SECONDS": "86400",
        "TIDINGS_TRACKING_RETENTION_INTERVAL_SECONDS": "0.05",
    }
    nearly = datetime.now(UTC) - timedelta(hours=23, minutes=59, seconds=58)
    old = change(tenant, accepted=nearly - timedelta(minutes=5), changed=nearly)
    new = change(tenant)
    async with host_tracking(environ=environ) as running:
        await publish(running.broker, changed([old, new]))
        assert await totals(running, tenant) == {"SENT": 2}

        async def one_left() -> bool:
            return len(await list_all(running, tenant)) == 1

        await eventually(one_left)
        # Told again, what was deleted is not counted anew.
        await publish(running.broker, changed([old]))
        (left,) = await list_all(running, tenant)
        assert left.delivery_id == str(UUID(bytes=new.delivery_id))
        assert await totals(running, tenant) == {"SENT": 2}


async def test_a_retention_that_is_made_longer_counts_nothing_again(
    tracking: Hosted, host_tracking: HostTracking, tenant: str, database: asyncpg.Connection
) -> None:
    short = {
        "TIDINGS_TRACKING_RETENTION_SECONDS": "86400",
        "TIDINGS_TRACKING_RETENTION_INTERVAL_SECONDS": "0.05",
    }
    await database.execute("DELETE FROM tracking.floor")
    days_ago = datetime.now(UTC) - timedelta(days=3)
    old = change(tenant, accepted=days_ago, changed=days_ago)
    await publish(tracking.broker, changed([old]))
    assert await totals(tracking, tenant) == {"SENT": 1}
    async with host_tracking(environ=short):

        async def gone() -> bool:
            return not await list_all(tracking, tenant)

        await eventually(gone)
    # The one that kept less is gone; what it deleted is told again to one that keeps 90 days.
    await publish(tracking.broker, changed([old]))
    assert await totals(tracking, tenant) == {"SENT": 1}
    assert await list_all(tracking, tenant) == []


async def test_facts_go_when_they_are_old(
    tracking: Hosted, host_tracking: HostTracking, tenant: str, database: asyncpg.Connection
) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=3)
    old, new = in_app(tenant, accepted=long_ago), in_app(tenant, accepted=long_ago)
    await publish(tracking.broker, read(tenant, old.notification_id, at=long_ago))
    await publish(tracking.broker, read(tenant, new.notification_id))
    environ = {
        "TIDINGS_TRACKING_RETENTION_SECONDS": "86400",
        "TIDINGS_TRACKING_RETENTION_INTERVAL_SECONDS": "0.05",
    }
    async with host_tracking(environ=environ):

        async def gone() -> bool:
            return not await facts_of(tracking, tenant, old.notification_id)

        await eventually(gone)
    assert len(await facts_of(tracking, tenant, new.notification_id)) == 1
    await database.execute("DELETE FROM tracking.floor")
