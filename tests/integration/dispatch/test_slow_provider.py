"""A provider slower than what arrives: what is taken in hand leaves, and the rest waits where it was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from libs.clock import SystemClock
from libs.events import EventOutbox
from libs.messaging.broker import Message, Received
from libs.messaging.memory import MemoryBroker
from libs.messaging.topology import BINDINGS, DELIVERIES, EVENTS, delivery_queue
from libs.postgres.incarnation import Incarnation
from libs.postgres.migrations import migrate
from libs.postgres.pool import Pool, open_pool
from libs.runtime.loops import Loops
from services.dispatch.channels.file import FileProvider
from services.dispatch.domain.models import EMAIL, ClaimedDelivery
from services.dispatch.domain.settling import RetryPolicy
from services.dispatch.entrypoints.work_consumer import WorkConsumer
from services.dispatch.store.dead_letters import DeadLetterStore
from services.dispatch.store.ledger import Ledger
from services.dispatch.usecases.claim_work import ClaimWork
from services.dispatch.usecases.deliver import Deliver
from services.dispatch.usecases.lane import Lane
from services.dispatch.usecases.recover_orphans import RecoverOrphans
from services.dispatch.usecases.send_email import SendEmail
from services.dispatch.usecases.slots import Slots
from services.dispatch.usecases.solitude import Solitude
from tests.support.eventually import eventually
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL
from tidings.common.v1.priority_pb2 import PRIORITY_NORMAL
from tidings.event.v1.delivery_batch_pb2 import DeliveryBatch, DeliveryTask
from tidings.internal.template.v1.rendering_service_pb2 import RenderResult
from tidings.template.v1.content_pb2 import EmailContent, RenderedContent

NORMAL = 2
RATE = 40
# A call and its margin take 1.3 s of it, so that what waits for 1.7 s cannot be begun.
CLAIM_DEADLINE = timedelta(seconds=3)
CALL_TIMEOUT = timedelta(seconds=0.3)
POLICY = RetryPolicy(max_attempts=100, base=timedelta(seconds=0.1), ceiling=timedelta(seconds=0.1))


class Template:
    """Renders everything alike, and counts."""

    def __init__(self) -> None:
        self.rendered = 0

    async def render(self, deliveries: Sequence[ClaimedDelivery]) -> list[RenderResult]:
        self.rendered += len(deliveries)
        content = RenderedContent(email=EmailContent(subject="hello", text="world"))
        return [RenderResult(content=content)] * len(deliveries)


class Dispatcher:
    """One process, from its queue to a provider that takes `RATE` mails a second."""

    def __init__(self, mails: Path) -> None:
        self.broker = MemoryBroker()
        self.template = Template()
        self._mails = mails

    async def open(self, stack: AsyncExitStack, pool: Pool) -> None:
        clock = SystemClock()
        incarnation = Incarnation(pool, schema="dispatch", lease=timedelta(hours=1))
        await incarnation.begin(sole=True)
        events = await stack.enter_async_context(
            EventOutbox(pool, schema="dispatch", broker=self.broker, interval=timedelta(hours=1))
        )
        ledger = Ledger(
            pool,
            events=events,
            owner=lambda: incarnation.incarnation_id,
            claim_deadline=CLAIM_DEADLINE,
        )
        dead_letters = DeadLetterStore(pool)
        url = f"file://{self._mails}?rate={RATE}"
        email = SendEmail(
            ledger=ledger,
            provider=await stack.enter_async_context(FileProvider(url, clock=clock)),
            sender="Tidings <no-reply@tidings.example>",
            slots=Slots(5),
            call_timeout=CALL_TIMEOUT,
            policy=POLICY,
            clock=clock,
        )
        deliver = Deliver(
            ledger=ledger,
            renderer=self.template,  # type: ignore[arg-type]
            outlet=email,
            policy=POLICY,
            clock=clock,
        )
        lane = Lane(
            EMAIL,
            NORMAL,
            deliver=deliver,
            deliver_alone=deliver.alone,
            give_back=deliver.release,
            solitude=Solitude(),
            claim_deadline=CLAIM_DEADLINE,
            capacity=400,
            batch=200,
        )
        claim = ClaimWork(
            pool=pool,
            ledger=ledger,
            events=events,
            dead_letters=dead_letters,
            lanes={(EMAIL, NORMAL): lane},
            clock=clock,
        )
        queues = [delivery_queue("email", "normal")]
        consumer = WorkConsumer(broker=self.broker, queues=queues, claim=claim, clock=clock)
        recover = RecoverOrphans(
            pool=pool,
            ledger=ledger,
            dead_letters=dead_letters,
            policies={EMAIL: POLICY},
            max_lone_deaths=3,
            may_judge=incarnation.may_judge,
            clock=clock,
        )
        for queue in {binding.queue for binding in BINDINGS if binding.exchange == EVENTS}:
            await stack.enter_async_context(self.broker.consume(queue, _settle, prefetch=1))
        loops = Loops()
        loops.add("work", consumer.run)
        loops.add("lane", lane.run)
        loops.add_periodic("due", claim.claim_due, every=timedelta(seconds=0.1))
        loops.add_periodic("orphans", recover, every=timedelta(seconds=0.1))
        loops.start()
        stack.push_async_callback(loops.stop)

    def sent(self) -> int:
        return len(self._mails.read_bytes().splitlines())


async def _settle(received: Received) -> None:
    await received.acknowledge()


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with open_pool(database_url, application="test") as opened:
        await migrate(opened, package="services.dispatch", schema="dispatch")
        yield opened


@pytest.fixture
async def dispatcher(pool: Pool, tmp_path: Path) -> AsyncIterator[Dispatcher]:
    async with AsyncExitStack() as stack:
        opened = Dispatcher(tmp_path / "mails.jsonl")
        await opened.open(stack, pool)
        yield opened


def work(count: int) -> Message:
    batch = DeliveryBatch(
        format=1,
        outbox_id=uuid4().bytes,
        tenant_id="demo",
        channel=CHANNEL_EMAIL,
        priority=PRIORITY_NORMAL,
    )
    for _ in range(count):
        task = DeliveryTask(delivery_id=uuid4().bytes, notification_id=uuid4().bytes)
        task.endpoint = "alice@example.com"
        task.expire_time.FromDatetime(datetime.now(UTC) + timedelta(days=1))
        task.accept_time.FromDatetime(datetime.now(UTC))
        batch.tasks.append(task)
    return Message(body=batch.SerializeToString())


async def test_what_a_slow_provider_cannot_take_is_not_worked_on(
    dispatcher: Dispatcher, pool: Pool
) -> None:
    # Ten seconds of work, in small messages and in one that is larger than what fits.
    total = 0
    for size in (10, 100, *(10 for _ in range(29))):
        await dispatcher.broker.publish(DELIVERIES, "email.normal", work(size))
        total += size

    async def all_sent() -> bool:
        return dispatcher.sent() >= total

    began = asyncio.get_running_loop().time()
    await eventually(all_sent, within=60)
    took = asyncio.get_running_loop().time() - began
    claims = await pool.fetchval("SELECT sum(claims) FROM dispatch.deliveries")
    rendered = dispatcher.template.rendered
    print(f"{total} sent in {took:.1f} s, {claims} claims, {rendered} rendered")  # noqa: T201 - the evidence
    assert dispatcher.sent() == total
    assert claims <= 1.5 * total
    assert rendered <= 1.5 * total
