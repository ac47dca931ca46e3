"""What cannot be read is kept, what kills is judged alone, and innocents go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from libs.clock import SystemClock
from libs.events import EventOutbox
from libs.messaging.broker import Message, Received
from libs.messaging.memory import MemoryBroker
from libs.messaging.topology import (
    CHANGED,
    CLAIMED_QUEUE,
    DELIVERIES,
    EVENT_HEADER,
    EVENTS,
    OUTBOX_ID_HEADER,
    TENANT_HEADER,
    TRACKING_QUEUE,
    delivery_queue,
)
from libs.postgres.incarnation import Incarnation
from libs.postgres.migrations import migrate
from libs.postgres.pool import Pool, open_pool
from libs.runtime.loops import Loops
from services.dispatch.domain.models import EMAIL, ClaimedDelivery
from services.dispatch.entrypoints.work_consumer import WorkConsumer
from services.dispatch.store.dead_letters import DeadLetterStore
from services.dispatch.store.ledger import Ledger
from services.dispatch.usecases.claim_work import ClaimWork
from services.dispatch.usecases.lane import Lane
from services.dispatch.usecases.solitude import Solitude
from tests.support.eventually import eventually
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL
from tidings.common.v1.priority_pb2 import PRIORITY_NORMAL
from tidings.event.v1.delivery_batch_pb2 import DeliveryBatch, DeliveryTask
from tidings.event.v1.event_batch_pb2 import EventBatch

NORMAL = 2
KEY = "email.normal"


class Dispatcher:
    """Consumers, lanes and ledger of one process; its deliveries only note who was together."""

    def __init__(self) -> None:
        self.broker = MemoryBroker()
        self.together: list[list[UUID]] = []
        self.alone: list[UUID] = []
        self.stated: list[UUID] = []
        self.publications: list[int] = []

    async def open(self, stack: AsyncExitStack, pool: Pool) -> None:
        incarnation = Incarnation(pool, schema="dispatch", lease=timedelta(hours=1))
        await incarnation.begin(sole=True)
        events = await stack.enter_async_context(
            EventOutbox(pool, schema="dispatch", broker=self.broker, interval=timedelta(hours=1))
        )
        ledger = Ledger(
            pool,
            events=events,
            owner=lambda: incarnation.incarnation_id,
            claim_deadline=timedelta(hours=1),
        )
        self.dead_letters = DeadLetterStore(pool)
        lane = Lane(
            EMAIL,
            NORMAL,
            deliver=self._deliver,
            deliver_alone=self._deliver_alone,
            give_back=self._deliver,
            solitude=Solitude(),
            claim_deadline=timedelta(hours=1),
            capacity=100,
            batch=50,
        )
        claim = ClaimWork(
            pool=pool,
            ledger=ledger,
            events=events,
            dead_letters=self.dead_letters,
            lanes={(EMAIL, NORMAL): lane},
            clock=SystemClock(),
        )
        consumer = WorkConsumer(
            broker=self.broker,
            queues=[delivery_queue("email", "normal")],
            claim=claim,
            clock=SystemClock(),
        )
        await stack.enter_async_context(
            self.broker.consume(CLAIMED_QUEUE, self._note_claim, prefetch=1)
        )
        loops = Loops()
        loops.add("work", consumer.run)
        loops.add("lane", lane.run)
        loops.start()
        stack.push_async_callback(loops.stop)

    async def _deliver(self, batch: Sequence[ClaimedDelivery]) -> None:
        self.together.append([delivery.task.delivery_id for delivery in batch])

    async def _deliver_alone(self, delivery: ClaimedDelivery) -> None:
        self.alone.append(delivery.task.delivery_id)

    async def _note_claim(self, received: Received) -> None:
        batch = EventBatch.FromString(received.message.body)
        self.stated += [UUID(bytes=e.deliveries_claimed.outbox_id) for e in batch.events]
        self.publications += [e.deliveries_claimed.publication for e in batch.events]
        await received.acknowledge()


@pytest.fixture
async def dispatcher(database_url: str) -> AsyncIterator[Dispatcher]:
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(database_url, application="test"))
        await migrate(pool, package="services.dispatch", schema="dispatch")
        opened = Dispatcher()
        await opened.open(stack, pool)
        yield opened


def work(count: int) -> tuple[UUID, list[UUID], Message]:
    """Returns a message: its outbox row, its deliveries, itself."""
    outbox_id, ids = uuid4(), sorted(uuid4() for _ in range(count))
    batch = DeliveryBatch(
        format=1,
        outbox_id=outbox_id.bytes,
        tenant_id="demo",
        channel=CHANNEL_EMAIL,
        priority=PRIORITY_NORMAL,
    )
    expire_time = datetime.now(UTC) + timedelta(days=1)
    for delivery_id in ids:
        task = DeliveryTask(delivery_id=delivery_id.bytes, notification_id=uuid4().bytes)
        task.expire_time.FromDatetime(expire_time)
        task.accept_time.FromDatetime(datetime.now(UTC))
        batch.tasks.append(task)
    headers = {OUTBOX_ID_HEADER: str(outbox_id), TENANT_HEADER: "demo"}
    return outbox_id, ids, Message(body=batch.SerializeToString(), headers=headers)


@pytest.mark.parametrize(
    "body", [b"\xff garbage", DeliveryBatch(format=99).SerializeToString(), b""]
)
async def test_what_cannot_be_read_is_kept_and_its_row_finished(
    dispatcher: Dispatcher, body: bytes
) -> None:
    outbox_id = uuid4()
    headers = {OUTBOX_ID_HEADER: str(outbox_id), TENANT_HEADER: str(outbox_id)}
    await dispatcher.broker.publish(DELIVERIES, KEY, Message(body=body, headers=headers))

    async def stated() -> bool:
        return outbox_id in dispatcher.stated

    assert await eventually(stated)
    (letter,) = await dispatcher.dead_letters.list_newest(str(outbox_id), before=None, limit=10)
    assert (letter["reason"], letter["body_size"]) == (1, len(body))


async def test_a_message_is_claimed_once_however_often_it_comes(dispatcher: Dispatcher) -> None:
    outbox_id, ids, message = work(5)
    await asyncio.gather(*(dispatcher.broker.publish(DELIVERIES, KEY, message) for _ in range(4)))

    async def stated_each_time() -> bool:
        return dispatcher.stated.count(outbox_id) >= 1 and bool(dispatcher.together)

    assert await eventually(stated_each_time)
    assert sorted(i for batch in dispatcher.together for i in batch) == ids


async def test_a_claim_states_which_copy_was_claimed(dispatcher: Dispatcher) -> None:
    _, _, message = work(1)
    # What is appended to a message is merged into it.
    copy = Message(body=message.body + DeliveryBatch(publication=7).SerializeToString())
    await dispatcher.broker.publish(DELIVERIES, KEY, copy)

    async def stated() -> bool:
        return bool(dispatcher.publications)

    assert await eventually(stated)
    assert dispatcher.publications == [7]


async def test_what_the_broker_gave_up_is_delivered_one_by_one(dispatcher: Dispatcher) -> None:
    _, ids, message = work(3)
    given_up: list[Received] = []

    # What the broker's delivery limit does, done by hand.
    async with dispatcher.broker.consume(
        delivery_queue("in_app", "low"), lambda r: _reject(r, given_up), prefetch=1
    ):
        await dispatcher.broker.publish(DELIVERIES, "in_app.low", message)

        async def all_alone() -> bool:
            return len(dispatcher.alone) == 3

        assert await eventually(all_alone)
    assert given_up
    assert sorted(dispatcher.alone) == ids
    assert dispatcher.together == []


async def test_an_event_that_was_given_up_is_kept_and_never_taken_for_work(
    dispatcher: Dispatcher,
) -> None:
    body = EventBatch(format=1, batch_id=uuid4().bytes).SerializeToString()
    tenant = str(uuid4())
    message = Message(body=body, headers={EVENT_HEADER: CHANGED, TENANT_HEADER: tenant})
    async with dispatcher.broker.consume(TRACKING_QUEUE, lambda r: _reject(r, []), prefetch=1):
        await dispatcher.broker.publish(EVENTS, CHANGED, message)

    async def kept() -> bool:
        return bool(await dispatcher.dead_letters.list_newest(tenant, before=None, limit=10))

    assert await eventually(kept)
    (letter,) = await dispatcher.dead_letters.list_newest(tenant, before=None, limit=10)
    assert (letter["reason"], letter["body_size"]) == (1, len(body))
    assert CHANGED in letter["detail"]
    assert dispatcher.alone == []


async def _reject(received: Received, seen: list[Received]) -> None:
    seen.append(received)
    await received.reject(requeue=False)
