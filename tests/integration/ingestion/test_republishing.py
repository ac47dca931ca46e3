"""What is lost is published again; what waits in a long queue is not multiplied."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from libs.clock import SystemClock, mint_uuid7
from libs.messaging.broker import BrokerUnavailable, Message
from libs.postgres.migrations import migrate
from libs.postgres.pool import Pool, open_pool
from libs.postgres.transaction import in_transaction
from services.ingestion.domain.models import OutboxMessage
from services.ingestion.store.plans import PlanStore
from services.ingestion.usecases.publish_deliveries import PublishDeliveries
from tidings.common.v1.priority_pb2 import Priority
from tidings.event.v1.delivery_batch_pb2 import DeliveryBatch

EMAIL = 1
HIGH, NORMAL = Priority.PRIORITY_HIGH, Priority.PRIORITY_NORMAL


class Queues:
    """A broker as its administrator sees it: first in, first out, and out of sight when it is purged."""

    system = "test"

    def __init__(self) -> None:
        self.away = False
        self.copies: list[DeliveryBatch] = []

    async def publish(self, exchange: str, routing_key: str, message: Message) -> None:
        if self.away:
            raise BrokerUnavailable(routing_key)
        self.copies.append(DeliveryBatch.FromString(message.body))

    def names(self) -> list[str]:
        return [copy.tenant_id for copy in self.copies]


class Ingestion:
    """One process."""

    def __init__(self, pool: Pool, queues: Queues) -> None:
        self.pool = pool
        self.queues = queues
        self.plans = PlanStore(
            pool,
            republish_interval=timedelta(minutes=1),
            republish_ceiling=timedelta(minutes=1),
        )
        self.publish = PublishDeliveries(broker=queues, plans=self.plans)  # type: ignore[arg-type]

    async def send(self, *names: str, priority: Priority.ValueType = NORMAL) -> None:
        """Publishes a message for each name, which it carries as its tenant."""
        now = SystemClock().now()
        messages = []
        for name in names:
            outbox_id = mint_uuid7(now)
            payload = DeliveryBatch(outbox_id=outbox_id.bytes, tenant_id=name, priority=priority)
            messages.append(
                OutboxMessage(
                    outbox_id=outbox_id,
                    tenant_id=name,
                    channel=EMAIL,
                    priority=priority,
                    delivery_count=1,
                    payload=payload.SerializeToString(),
                )
            )
        await self.publish(
            await in_transaction(self.pool, lambda c: self.plans.add_messages(c, messages))
        )

    async def sweep(self) -> None:
        """Sweeps when every interval is over."""
        await self.pool.execute("UPDATE ingestion.outbox SET due_time = now()")
        await self.publish.sweep()

    async def claim(self, copy: DeliveryBatch) -> None:
        """Hears that a dispatcher has claimed this copy."""
        await self.plans.finish({UUID(bytes=copy.outbox_id): copy.publication})

    async def claim_first(self, many: int) -> None:
        for copy in self.queues.copies[:many]:
            await self.claim(copy)
        del self.queues.copies[:many]


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with open_pool(database_url, application="test") as opened:
        await migrate(opened, package="services.ingestion", schema="ingestion")
        await opened.execute("TRUNCATE ingestion.outbox")
        yield opened


@pytest.fixture
def ingestion(pool: Pool) -> Ingestion:
    return Ingestion(pool, Queues())


def a_thousand() -> list[str]:
    return [f"tenant-{number}" for number in range(1_000)]


async def test_a_paused_queue_is_not_filled_with_copies(ingestion: Ingestion) -> None:
    await ingestion.send(*a_thousand())
    for _ in range(20):
        await ingestion.sweep()
    assert ingestion.queues.names() == a_thousand() + ["tenant-999"] * 20


async def test_a_long_queue_that_moves_is_not_filled_with_copies(ingestion: Ingestion) -> None:
    await ingestion.send(*a_thousand())
    for _ in range(9):
        await ingestion.claim_first(100)
        await ingestion.sweep()
    assert ingestion.queues.names() == a_thousand()[900:] + ["tenant-999"] * 9


async def test_a_purged_queue_is_published_again_when_one_copy_came_through(
    ingestion: Ingestion,
) -> None:
    await ingestion.send(*a_thousand())
    left = set(a_thousand())
    # The second time all of them have been published again.
    for _ in range(2):
        ingestion.queues.copies.clear()
        await ingestion.sweep()
        (told,) = ingestion.queues.names()
        await ingestion.claim_first(1)
        left.remove(told)
        await ingestion.sweep()
        assert sorted(ingestion.queues.names()) == sorted(left)


async def test_who_knows_nothing_of_the_claims_learns_it_from_the_next(
    ingestion: Ingestion, pool: Pool
) -> None:
    await ingestion.send("a", "b", "c")
    await ingestion.claim(ingestion.queues.copies[1])
    ingestion.queues.copies.clear()
    other = Ingestion(pool, ingestion.queues)
    await other.sweep()
    assert other.queues.names() == ["c"]
    await other.claim_first(1)
    await other.sweep()
    assert other.queues.names() == ["a"]


async def test_nothing_goes_again_before_its_interval_is_over(ingestion: Ingestion) -> None:
    await ingestion.send("lost", "b", "c")
    await ingestion.claim(ingestion.queues.copies[1])
    await ingestion.publish.sweep()
    assert ingestion.queues.names() == ["lost", "b", "c"]


async def test_what_others_of_its_queue_have_passed_goes_again(ingestion: Ingestion) -> None:
    await ingestion.send("lost", "b", "c", "d")
    await ingestion.send("high", "higher", priority=HIGH)
    copies = list(ingestion.queues.copies)
    ingestion.queues.copies.clear()
    await ingestion.claim(copies[1])
    await ingestion.sweep()
    # And of each queue the last, to see.
    assert sorted(ingestion.queues.names()) == ["d", "higher", "lost"]


async def test_a_message_that_was_only_slow_does_not_make_the_others_lost(
    ingestion: Ingestion,
) -> None:
    await ingestion.send("slow", "b", "c", "d", "e")
    slow, passing, *_ = ingestion.queues.copies
    await ingestion.claim(passing)
    ingestion.queues.copies.clear()
    await ingestion.sweep()
    assert sorted(ingestion.queues.names()) == ["e", "slow"]
    ingestion.queues.copies.clear()
    await ingestion.claim(slow)
    await ingestion.sweep()
    assert ingestion.queues.names() == ["e"]


async def test_all_goes_again_when_everything_before_is_dead(ingestion: Ingestion) -> None:
    await ingestion.send(*a_thousand())
    ingestion.queues.copies.clear()
    await ingestion.plans.republish_all_now()
    await ingestion.publish.sweep()
    assert sorted(ingestion.queues.names()) == sorted(a_thousand())


async def test_what_was_not_confirmed_goes_once_when_the_broker_is_back(
    ingestion: Ingestion,
) -> None:
    ingestion.queues.away = True
    await ingestion.send(*a_thousand())
    await ingestion.sweep()
    await ingestion.publish.sweep_unconfirmed()
    ingestion.queues.away = False
    await ingestion.send("new")
    await ingestion.publish.sweep_unconfirmed()
    assert sorted(ingestion.queues.names()) == sorted([*a_thousand(), "new"])
    # The new one was published before them: its claim says nothing of them.
    await ingestion.claim_first(1)
    await ingestion.sweep()
    assert len(ingestion.queues.names()) == 1_001
