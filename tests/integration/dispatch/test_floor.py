"""Nothing that went with its week can be sent again, or be said to have been stopped."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

from libs.clock import lowest_id
from libs.messaging.broker import Message
from libs.messaging.topology import DELIVERIES
from services.dispatch.domain.models import (
    Fate,
)
from tests.integration.dispatch.aging_ledger import Dispatch
from tests.integration.dispatch.test_poison import KEY, Dispatcher
from tests.support.eventually import eventually
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL
from tidings.common.v1.priority_pb2 import PRIORITY_NORMAL
from tidings.event.v1.delivery_batch_pb2 import DeliveryBatch as EventWork

WAITS_FOR_FLOOR = (
    "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
    " AND relation = 'dispatch.floor'::regclass"
)
WAITS_TO_READ_FLOOR = WAITS_FOR_FLOOR.replace("AccessExclusiveLock", "AccessShareLock")


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
