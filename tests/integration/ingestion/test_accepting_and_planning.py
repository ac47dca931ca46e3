"""Acceptance and planning on real tables: bad rows alone are refused, a plan is made once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from libs.batching import Batcher
from libs.clock import Clock, SystemClock
from libs.messaging.broker import Message
from libs.postgres.incarnation import Incarnation
from libs.postgres.migrations import migrate
from libs.postgres.pool import Pool, open_pool
from services.ingestion.clients import TemplateKey
from services.ingestion.domain.models import (
    Answer,
    CategoryDefaults,
    Notification,
    NotificationState,
    Plan,
    PlannedDelivery,
    Submission,
    TemplateDescription,
)
from services.ingestion.store.notifications import NotificationStore
from services.ingestion.store.plans import PlanStore
from services.ingestion.usecases.accept_notifications import AcceptNotifications
from services.ingestion.usecases.hand_over import HandOver
from services.ingestion.usecases.plan_notifications import PlanNotifications
from services.ingestion.usecases.publish_deliveries import PublishDeliveries
from services.ingestion.usecases.sweep_waiting import SweepWaiting
from tests.support.eventually import eventually

EMAIL = 1
TEMPLATE = TemplateDescription(
    name_known=True, version=1, channels=(EMAIL,), required=frozenset(), optional=frozenset()
)
CATEGORY = CategoryDefaults(
    priority=2,
    ttl=timedelta(days=1),
    guarantee=1,
    channels=(EMAIL,),
    max_ttl=timedelta(days=30),
)
SUBMISSION = Submission(
    tenant_id="demo",
    request_id="",
    payload_hash=b"hash",
    recipient_id="alice",
    category="order.shipped",
    template_name="order-shipped",
    template_version=0,
    variables=b"",
    variable_names=frozenset(),
    channels=(),
    priority=0,
    metadata=b"",
    traceparent="",
)


class KnownTemplates:
    """Every template is the same."""

    async def describe(self, keys: Sequence[TemplateKey]) -> dict[TemplateKey, TemplateDescription]:
        return dict.fromkeys(keys, TEMPLATE)


class PlansMail:
    """Everybody exists and gets mail; each plan it makes is another one."""

    def __init__(self) -> None:
        self.made = 0

    async def check(self, submissions: Sequence[Submission]) -> list[object]:
        return [(True, CATEGORY)] * len(submissions)

    async def plan(self, notifications: Sequence[Notification]) -> list[Plan]:
        # Lets another planner in between.
        await asyncio.sleep(0)
        plans = []
        for _ in notifications:
            self.made += 1
            delivery = PlannedDelivery(
                channel=EMAIL, endpoint=f"alice+{self.made}@example.com", locale="en"
            )
            plans.append(
                Plan(
                    state=NotificationState.PLANNED,
                    deliveries=(delivery,),
                    document=str(self.made).encode(),
                )
            )
        return plans


class Published:
    """A broker that counts, and confirms while it is asked to."""

    system = "memory"

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.confirms = asyncio.Event()
        self.confirms.set()

    async def publish(self, exchange: str, routing_key: str, message: Message) -> None:
        await self.confirms.wait()
        self.messages.append(message)


class Ingestion:
    """The use cases over one pool, for one process."""

    def __init__(
        self, pool: Pool, owner: UUID, *, window: int = 1_000, clock: Clock | None = None
    ) -> None:
        self.pool = pool
        self.planner = PlansMail()
        self.broker = Published()
        self.hand_over = HandOver()
        self.store = NotificationStore(pool, claim_deadline=timedelta(minutes=1))
        plans = PlanStore(
            pool,
            republish_interval=timedelta(minutes=1),
            republish_ceiling=timedelta(minutes=1),
        )
        clock = clock or SystemClock()
        self.accept = AcceptNotifications(
            store=self.store,
            templates=KnownTemplates(),  # type: ignore[arg-type]
            planner=self.planner,  # type: ignore[arg-type]
            hand_over=self.hand_over,
            clock=clock,
            owner=lambda: owner,
            expected_delay=timedelta,
            check_backlog=lambda tenant_id, priority: None,
        )
        self.plan = PlanNotifications(
            pool=pool,
            notifications=self.store,
            plans=plans,
            planner=self.planner,  # type: ignore[arg-type]
            publish=PublishDeliveries(broker=self.broker, plans=plans),  # type: ignore[arg-type]
            hand_over=self.hand_over,
            clock=clock,
            owner=lambda: owner,
            pause=timedelta(),
            window=window,
        )
        self.sweep = SweepWaiting(
            notifications=self.store,
            plan=self.plan,
            hand_over=self.hand_over,
            owner=lambda: owner,
            window=window,
            interval=timedelta(seconds=1),
            may_judge=lambda: True,
        )

    async def submit(self, count: int) -> list[Notification]:
        """Accepts notifications and returns them as they were handed over."""
        answers = await self.accept(
            [replace(SUBMISSION, request_id=str(uuid4())) for _ in range(count)]
        )
        assert all(isinstance(answer, Answer) for answer in answers)
        return await self.hand_over.take(count)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with open_pool(database_url, application="test") as opened:
        await migrate(opened, package="services.ingestion", schema="ingestion")
        await opened.execute("TRUNCATE ingestion.notifications, ingestion.outbox")
        yield opened


async def incarnation(pool: Pool) -> UUID:
    born = Incarnation(pool, schema="ingestion", lease=timedelta(hours=1))
    await born.begin(sole=False)
    return born.incarnation_id


async def test_a_row_that_cannot_be_stored_is_its_callers_alone(pool: Pool) -> None:
    ingestion = Ingestion(pool, await incarnation(pool))
    # PostgreSQL takes no text with a zero in it; contracts refuse it long before.
    submissions = [
        replace(SUBMISSION, request_id=f"r{i}", category="bad\0" if i == 7 else "good")
        for i in range(20)
    ]
    batcher: Batcher[Submission, Answer]
    async with Batcher(ingestion.accept, max_items=100, divisible=(asyncpg.DataError,)) as batcher:
        answers = await batcher.submit_all(submissions)
    bad = [i for i, answer in enumerate(answers) if not isinstance(answer, Answer)]
    assert bad == [7]
    assert await pool.fetchval("SELECT count(*) FROM ingestion.notifications") == 19


async def test_concurrent_batches_with_the_same_ids_in_any_order_do_not_deadlock(
    pool: Pool,
) -> None:
    ingestion = Ingestion(pool, await incarnation(pool))
    submissions = [replace(SUBMISSION, request_id=f"same-{i}") for i in range(50)]
    batches = [submissions, submissions[::-1], submissions[25:] + submissions[:25]] * 4
    answers = await asyncio.gather(*(ingestion.accept(batch) for batch in batches))
    by_request: dict[str, set[UUID]] = {}
    for batch, results in zip(batches, answers, strict=True):
        for submission, answer in zip(batch, results, strict=True):
            assert isinstance(answer, Answer)
            by_request.setdefault(submission.request_id, set()).add(answer.notification_id)
    assert all(len(ids) == 1 for ids in by_request.values())


async def test_a_plan_is_made_once_however_many_plan_it(pool: Pool) -> None:
    ingestion = Ingestion(pool, await incarnation(pool))
    batch = await ingestion.submit(20)
    await asyncio.gather(*(ingestion.plan.plan(batch) for _ in range(4)))
    # All four decided; one decision each was stored, and only its message published.
    assert ingestion.planner.made == 80
    assert await pool.fetchval("SELECT sum(delivery_count) FROM ingestion.outbox") == 20
    assert await pool.fetchval("SELECT count(*) FROM ingestion.outbox") == len(
        ingestion.broker.messages
    )


async def test_one_batch_is_planned_while_another_is_published_and_no_third(pool: Pool) -> None:
    ingestion = Ingestion(pool, await incarnation(pool))
    ingestion.broker.confirms.clear()
    planning = asyncio.create_task(ingestion.plan.run())
    stored = "SELECT count(*) {} $1 FROM ingestion.outbox"
    try:
        for number in (1, 2, 2):
            await ingestion.accept([replace(SUBMISSION, request_id=str(uuid4()))])
            await eventually(lambda n=number: pool.fetchval(stored.format("="), n))  # type: ignore[misc]
        # More turns than planning the third would take.
        for _ in range(20):
            assert not await pool.fetchval(stored.format(">"), 2)
        assert not ingestion.broker.messages
        ingestion.broker.confirms.set()
        await eventually(lambda: len(ingestion.broker.messages) == 3)
    finally:
        planning.cancel()


async def test_who_lost_the_claim_plans_nothing(pool: Pool) -> None:
    dead = Ingestion(pool, await incarnation(pool))
    batch = await dead.submit(5)
    await pool.execute("UPDATE ingestion.incarnations SET expire_time = now()")
    alive = Ingestion(pool, await incarnation(pool))
    await alive.sweep.disown_orphans()
    found = await alive.store.claim_waiting(
        owner=await incarnation(pool), lane_limit=100, window=100, lanes=10
    )
    assert len(found) == 5
    await dead.plan.plan(batch)
    assert await pool.fetchval("SELECT count(*) FROM ingestion.outbox") == 0


async def test_an_amended_revision_is_not_planned_by_who_holds_the_old_one(pool: Pool) -> None:
    ingestion = Ingestion(pool, await incarnation(pool))
    batch = await ingestion.submit(1)
    await pool.execute("UPDATE ingestion.notifications SET revision = 2")
    await ingestion.plan.plan(batch)
    assert await pool.fetchval("SELECT count(*) FROM ingestion.outbox") == 0


async def test_a_backlog_waits_in_the_table_and_others_pass_it(pool: Pool) -> None:
    ingestion = Ingestion(pool, await incarnation(pool), window=10)
    for batch in (await ingestion.submit(30), await ingestion.submit(30)):
        # What fits is planned; the rest goes back to the table, and its lane is closed.
        ingestion.hand_over.put_back(batch)
        await (await ingestion.plan.plan_within_credit(await ingestion.hand_over.take(30)))
    assert await pool.fetchval("SELECT sum(delivery_count) FROM ingestion.outbox") == 10
    await ingestion.accept([replace(SUBMISSION, request_id="later")])
    waiting = "SELECT count(*) FROM ingestion.notifications WHERE state = 1 AND claim_owner IS NULL"
    assert await pool.fetchval(waiting) == 51
    found = await ingestion.store.claim_waiting(owner=uuid4(), lane_limit=100, window=10, lanes=10)
    assert found == []
    await ingestion.accept([replace(SUBMISSION, tenant_id="other", request_id="r")])
    (passed,) = await ingestion.hand_over.take(10)
    assert passed.tenant_id == "other"
    await pool.execute("TRUNCATE ingestion.outbox")
    found = await ingestion.store.claim_waiting(owner=uuid4(), lane_limit=100, window=10, lanes=10)
    assert len(found) == 10
