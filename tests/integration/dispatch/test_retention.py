"""Old weeks of the ledger go, and nothing that went can be sent again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

import pytest

from libs.clock import derive_uuid8, lowest_id, mint_uuid7
from libs.events import EventOutbox
from libs.messaging.broker import Message
from libs.messaging.memory import MemoryBroker
from libs.messaging.topology import DELIVERIES
from libs.postgres.incarnation import Incarnation
from libs.postgres.migrations import migrate
from libs.postgres.pool import Pool, open_pool
from libs.postgres.transaction import in_transaction
from services.dispatch.domain.cancelling import fate_of
from services.dispatch.domain.models import (
    EMAIL,
    DeadLetter,
    DeadLetterReason,
    Decision,
    DeliveryBatch,
    DeliveryState,
    DeliveryTask,
    DeliveryToCancel,
    Fate,
    Settlement,
)
from services.dispatch.store.dead_letters import DeadLetterStore
from services.dispatch.store.ledger import Ledger
from services.dispatch.store.retention import RetentionStore, ledger_weeks
from services.dispatch.usecases.delete_old import DeleteOld
from tests.integration.dispatch.test_poison import KEY, Dispatcher
from tests.support.clocks import SetClock
from tests.support.eventually import eventually
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL
from tidings.common.v1.priority_pb2 import PRIORITY_NORMAL
from tidings.event.v1.delivery_batch_pb2 import DeliveryBatch as EventWork

RETENTION = timedelta(days=30)
WAITS_FOR_FLOOR = (
    "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
    " AND relation = 'dispatch.floor'::regclass"
)
WAITS_TO_READ_FLOOR = WAITS_FOR_FLOOR.replace("AccessExclusiveLock", "AccessShareLock")
WAITS_FOR_US = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
SENT = Settlement(state=DeliveryState.SENT)


class Planned(NamedTuple):
    """A message, as often as it comes."""

    batch: DeliveryBatch

    @property
    def ids(self) -> list[UUID]:
        return [task.delivery_id for task in self.batch.tasks]


class Dispatch:
    """A ledger whose time can be set; what PostgreSQL stamps is moved to that time afterwards."""

    def __init__(self, pool: Pool, owner: UUID, events: EventOutbox) -> None:
        self.pool = pool
        self.clock = SetClock()
        self.ledger = Ledger(
            pool, events=events, owner=lambda: owner, claim_deadline=timedelta(hours=1)
        )
        self.delete_old = DeleteOld(
            weeks=ledger_weeks(pool),
            store=RetentionStore(pool),
            retention=RETENTION,
            clock=self.clock,
        )

    def plan(
        self, count: int, *, accepted: datetime | None = None, ttl: timedelta = timedelta(hours=1)
    ) -> Planned:
        now = self.clock.now()
        tasks = []
        for _ in range(count):
            notification_id = mint_uuid7(accepted or now)
            tasks.append(
                DeliveryTask(
                    delivery_id=derive_uuid8(notification_id, uuid4().bytes),
                    notification_id=notification_id,
                    revision=1,
                    recipient_id="alice",
                    category="order.shipped",
                    endpoint="alice@example.com",
                    locale="en",
                    template_name="order-shipped",
                    template_version=1,
                    variables=b"",
                    guarantee=1,
                    accept_time=accepted or now,
                    expire_time=now + ttl,
                    traceparent="",
                )
            )
        return Planned(
            DeliveryBatch(
                outbox_id=mint_uuid7(now),
                tenant_id="demo",
                channel=EMAIL,
                priority=2,
                tasks=tuple(tasks),
            )
        )

    async def deliver(self, planned: Planned, settlement: Settlement = SENT) -> int:
        """Claims and settles what a message brings; returns how many there were to send."""
        claimed = await in_transaction(
            self.pool, lambda c: self.ledger.claim_tasks(c, planned.batch, suspect=False)
        )
        if claimed:
            decisions = [Decision(delivery=delivery, settlement=settlement) for delivery in claimed]
            await self.ledger.settle(decisions, from_state=DeliveryState.CLAIMED)
            await self._happened_now(planned.ids)
        return len(claimed)

    async def cancel(self, planned: Planned) -> list[Fate]:
        (task,) = planned.batch.tasks
        states = await self.ledger.cancel(
            [
                DeliveryToCancel(
                    delivery_id=task.delivery_id,
                    tenant_id="demo",
                    notification_id=task.notification_id,
                    revision=1,
                    channel=EMAIL,
                    endpoint=task.endpoint,
                    expire_time=task.expire_time,
                    recipient_id=task.recipient_id,
                    category=task.category,
                    template_name=task.template_name,
                    template_version=task.template_version,
                    accept_time=task.accept_time,
                )
            ]
        )
        await self._happened_now(planned.ids)
        return [fate_of(state) for state in states]

    async def _happened_now(self, ids: list[UUID]) -> None:
        await self.pool.execute(
            "UPDATE dispatch.deliveries SET claim_time = $2::timestamptz,"
            " change_time = CASE WHEN change_time IS NOT NULL THEN $2::timestamptz END"
            " WHERE delivery_id = ANY($1::uuid[])",
            ids,
            self.clock.now(),
        )

    async def weeks(self) -> set[str]:
        rows = await self.pool.fetch(
            "SELECT inhrelid::regclass::text AS name FROM pg_inherits"
            " WHERE inhparent = 'dispatch.deliveries'::regclass"
        )
        return {row["name"].rpartition("_")[2] for row in rows}

    async def kept(self, planned: Planned) -> int:
        count: int = await self.pool.fetchval(
            "SELECT count(*) FROM dispatch.deliveries WHERE delivery_id = ANY($1::uuid[])",
            planned.ids,
        )
        return count

    @property
    def this_week(self) -> str:
        today = self.clock.now()
        return f"{today - timedelta(days=today.weekday()):%Y%m%d}"


@pytest.fixture
async def dispatch(database_url: str) -> AsyncIterator[Dispatch]:
    async with open_pool(database_url, application="test", partitioned=True) as pool:
        await pool.execute("DROP SCHEMA IF EXISTS dispatch CASCADE")
        await migrate(pool, package="services.dispatch", schema="dispatch")
        incarnation = Incarnation(pool, schema="dispatch", lease=timedelta(hours=1))
        await incarnation.begin(sole=True)
        async with EventOutbox(
            pool, schema="dispatch", broker=MemoryBroker(), interval=timedelta(hours=1)
        ) as events:
            opened = Dispatch(pool, incarnation.incarnation_id, events)
            await opened.delete_old.keep_weeks()
            yield opened


async def test_a_week_is_dropped_when_all_of_it_was_kept_long_enough(dispatch: Dispatch) -> None:
    week = dispatch.this_week
    sent = dispatch.plan(20)
    assert await dispatch.deliver(sent) == 20
    for _ in range(31):
        dispatch.clock.advance(days=1)
        await dispatch.delete_old.keep_weeks()
        await dispatch.delete_old()
        assert await dispatch.kept(sent) == 20
    assert week in await dispatch.weeks()
    dispatch.clock.advance(days=9)
    await dispatch.delete_old.keep_weeks()
    await dispatch.delete_old()
    assert week not in await dispatch.weeks()
    assert await dispatch.kept(sent) == 0
    # What is over gets no partition again, and what is to come has one.
    await dispatch.delete_old.keep_weeks()
    assert week not in await dispatch.weeks()
    assert dispatch.this_week in await dispatch.weeks()
    dispatch.clock.advance(days=7)
    assert dispatch.this_week in await dispatch.weeks()


@pytest.mark.parametrize("pinned_by", ["retry", "recent end", "time to live"])
async def test_of_a_pinned_week_only_what_ended_goes(dispatch: Dispatch, pinned_by: str) -> None:
    week = dispatch.this_week
    sent = dispatch.plan(2_500)
    await dispatch.deliver(sent)
    pin = dispatch.plan(1, ttl=timedelta(days=366) if pinned_by == "time to live" else RETENTION)
    retry = Settlement(state=DeliveryState.RETRY, delay=timedelta(days=300))
    await dispatch.deliver(pin, retry if pinned_by == "retry" else SENT)
    dispatch.clock.advance(days=40)
    if pinned_by == "recent end":
        await dispatch._happened_now(pin.ids)
    await dispatch.delete_old()
    assert week in await dispatch.weeks()
    assert (await dispatch.kept(sent), await dispatch.kept(pin)) == (0, 1)


async def test_a_message_that_outlived_its_deliveries_sends_nothing(dispatch: Dispatch) -> None:
    sent = dispatch.plan(3)
    assert await dispatch.deliver(sent) == 3
    dispatch.clock.advance(days=40)
    await dispatch.delete_old()
    assert await dispatch.kept(sent) == 0
    assert await dispatch.deliver(sent) == 0
    assert await dispatch.kept(sent) == 0


async def test_an_old_message_that_has_not_expired_is_still_sent(dispatch: Dispatch) -> None:
    waited = dispatch.plan(3, ttl=timedelta(days=60))
    dispatch.clock.advance(days=40)
    await dispatch.delete_old()
    assert await dispatch.deliver(waited) == 3


async def test_what_was_scheduled_across_the_retention_is_sent_once(dispatch: Dispatch) -> None:
    accepted = dispatch.clock.now()
    week = dispatch.this_week
    dispatch.clock.advance(days=40)
    await dispatch.delete_old()
    assert week not in await dispatch.weeks()
    planned = dispatch.plan(3, accepted=accepted)
    assert await dispatch.deliver(planned) == 3
    assert await dispatch.deliver(planned) == 0
    default = "SELECT count(*) FROM dispatch.deliveries_default"
    assert await dispatch.pool.fetchval(default) == 3
    dispatch.clock.advance(days=30)
    await dispatch.delete_old()
    assert await dispatch.deliver(planned) == 0
    assert await dispatch.kept(planned) == 3
    dispatch.clock.advance(days=2)
    await dispatch.delete_old()
    assert await dispatch.pool.fetchval(default) == 0
    assert await dispatch.deliver(planned) == 0
    assert week not in await dispatch.weeks()


async def test_a_tombstone_outlives_the_message_that_it_waits_for(dispatch: Dispatch) -> None:
    stopped = dispatch.plan(1)
    assert await dispatch.cancel(stopped) == [Fate.STOPPED]
    for _ in range(8):
        dispatch.clock.advance(days=5)
        await dispatch.delete_old()
        assert await dispatch.deliver(stopped) == 0
    assert await dispatch.kept(stopped) == 0


async def test_of_what_is_deleted_nobody_says_that_it_was_stopped(dispatch: Dispatch) -> None:
    sent = dispatch.plan(1)
    await dispatch.deliver(sent)
    dispatch.clock.advance(days=40)
    await dispatch.delete_old()
    assert await dispatch.cancel(sent) == [Fate.LEFT]


async def test_a_claim_under_way_holds_the_floor_back(dispatch: Dispatch) -> None:
    sent = dispatch.plan(1)
    await dispatch.deliver(sent)
    # Its week stays, so that nothing but the floor has to wait.
    await dispatch.deliver(dispatch.plan(1, ttl=timedelta(days=366)))
    dispatch.clock.advance(days=40)
    async with dispatch.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        # It has read the old floor.
        late = dispatch.plan(1)
        await dispatch.ledger.claim_tasks(connection, late.batch, suspect=False)
        sweep = asyncio.create_task(dispatch.delete_old())
        await eventually(lambda: dispatch.pool.fetchval(WAITS_FOR_FLOOR))
        assert await dispatch.kept(sent) == 1
        await transaction.commit()
    await sweep
    assert (await dispatch.kept(sent), await dispatch.kept(late)) == (0, 1)


async def test_a_claim_that_waits_for_the_floor_reads_the_new_one(dispatch: Dispatch) -> None:
    sent = dispatch.plan(1)
    # Those that were prepared before, too.
    await dispatch.deliver(sent)
    dispatch.clock.advance(days=40)
    async with dispatch.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("LOCK TABLE dispatch.floor IN ACCESS EXCLUSIVE MODE")
        await connection.execute(
            "UPDATE dispatch.floor SET message_id = $1, expire_time = $2",
            lowest_id(dispatch.clock.now()),
            dispatch.clock.now(),
        )
        await connection.execute("DELETE FROM dispatch.deliveries")
        again = asyncio.create_task(dispatch.deliver(sent))
        await eventually(lambda: dispatch.pool.fetchval(WAITS_TO_READ_FLOOR))
        await transaction.commit()
    assert await again == 0


async def test_a_week_that_got_a_late_row_after_it_was_looked_at_is_kept(
    dispatch: Dispatch,
) -> None:
    week = dispatch.this_week
    accepted = dispatch.clock.now()
    await dispatch.deliver(dispatch.plan(1))
    dispatch.clock.advance(days=40)
    late = dispatch.plan(1, accepted=accepted)
    async with dispatch.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        # Entered, and not yet to be seen.
        await dispatch.ledger.claim_tasks(connection, late.batch, suspect=False)
        await connection.execute(
            "UPDATE dispatch.deliveries SET claim_time = $1 WHERE delivery_id = $2",
            dispatch.clock.now(),
            late.ids[0],
        )
        ended = dispatch.clock.now() - timedelta(days=31)
        drop = asyncio.create_task(
            ledger_weeks(dispatch.pool).delete_ended(
                over_before=ended, criteria=(ended, dispatch.clock.now())
            )
        )
        await eventually(lambda: dispatch.pool.fetchval(WAITS_FOR_US))
        await transaction.commit()
    await drop
    assert week in await dispatch.weeks()
    assert await dispatch.kept(late) == 1


async def test_sweepers_do_not_hinder_one_another(dispatch: Dispatch) -> None:
    pins = []
    for _ in range(3):
        await dispatch.delete_old.keep_weeks()
        await dispatch.deliver(dispatch.plan(1_500))
        pins.append(dispatch.plan(1, ttl=timedelta(days=366)))
        await dispatch.deliver(pins[-1])
        dispatch.clock.advance(days=7)
        await dispatch.delete_old.keep_weeks()
        await dispatch.deliver(dispatch.plan(1_500))
        dispatch.clock.advance(days=7)
    dispatch.clock.advance(days=40)
    await asyncio.gather(*(dispatch.delete_old() for _ in range(4)))
    assert await dispatch.pool.fetchval("SELECT count(*) FROM dispatch.deliveries") == 3
    assert [await dispatch.kept(pin) for pin in pins] == [1, 1, 1]


async def test_dead_letters_and_dead_processes_go_too(dispatch: Dispatch) -> None:
    letters = [
        DeadLetter(
            dead_letter_id=mint_uuid7(dispatch.clock.now() - timedelta(days=age)),
            tenant_id="demo",
            reason=DeadLetterReason.UNREADABLE,
            detail="",
            body=b"",
        )
        for age in (31, 29)
    ]
    store = DeadLetterStore(dispatch.pool)
    await in_transaction(dispatch.pool, lambda connection: store.add(connection, letters))
    await dispatch.pool.execute(
        "INSERT INTO dispatch.incarnations VALUES ($1, $2)",
        uuid4(),
        datetime.now(UTC) - timedelta(days=31),
    )
    await dispatch.delete_old()
    rows = await dispatch.pool.fetch("SELECT dead_letter_id FROM dispatch.dead_letters")
    assert [row["dead_letter_id"] for row in rows] == [letters[1].dead_letter_id]
    assert await dispatch.pool.fetchval("SELECT count(*) FROM dispatch.incarnations") == 1


async def test_the_outbox_row_of_such_a_message_is_finished(dispatch: Dispatch) -> None:
    sent = dispatch.plan(3)
    await dispatch.deliver(sent)
    dispatch.clock.advance(days=40)
    await dispatch.delete_old()
    process = Dispatcher()
    async with AsyncExitStack() as stack:
        await process.open(stack, dispatch.pool)
        body = EventWork(
            format=1,
            outbox_id=sent.batch.outbox_id.bytes,
            tenant_id="demo",
            channel=CHANNEL_EMAIL,
            priority=PRIORITY_NORMAL,
        )
        for task in sent.batch.tasks:
            message = body.tasks.add(
                delivery_id=task.delivery_id.bytes, notification_id=task.notification_id.bytes
            )
            message.accept_time.FromDatetime(task.accept_time)
            message.expire_time.FromDatetime(task.expire_time)
        await process.broker.publish(DELIVERIES, KEY, Message(body=body.SerializeToString()))

        async def stated() -> bool:
            return sent.batch.outbox_id in process.stated

        await eventually(stated)
        assert (process.together, process.alone) == ([], [])
    assert await dispatch.kept(sent) == 0


async def test_a_week_begins_under_load(dispatch: Dispatch) -> None:
    today = dispatch.clock.now()
    monday = today + timedelta(days=7 - today.weekday())
    midnight = monday.replace(hour=0, minute=0, second=0, microsecond=0)
    # As if nothing had been made ahead.
    await dispatch.pool.execute(f"DROP TABLE dispatch.deliveries_{midnight:%Y%m%d}")
    dispatch.clock.time = midnight - timedelta(milliseconds=50)
    begun: list[Planned] = []

    async def load() -> None:
        for _ in range(20):
            begun.append(dispatch.plan(5))
            dispatch.clock.advance(milliseconds=1)
            assert await dispatch.deliver(begun[-1]) == 5

    async def keep() -> None:
        for _ in range(5):
            await dispatch.delete_old.keep_weeks()

    await asyncio.gather(*(load() for _ in range(4)), *(keep() for _ in range(3)))
    assert dispatch.clock.now() > midnight
    assert sum([await dispatch.kept(planned) for planned in begun]) == 400
    assert [await dispatch.deliver(planned) for planned in begun] == [0] * 80
    assert f"{midnight:%Y%m%d}" in await dispatch.weeks()
