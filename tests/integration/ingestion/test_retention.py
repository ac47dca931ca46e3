"""Old notifications go with their weeks; what can still happen stays, and so does every first answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from libs.postgres.migrations import migrate
from libs.postgres.pool import Pool, open_pool
from services.ingestion.domain.errors import NotificationUnknown
from services.ingestion.domain.models import Answer, Notification, NotificationState
from services.ingestion.store.retention import RetentionStore, notification_weeks
from services.ingestion.store.stopping import StoppingStore
from services.ingestion.usecases.delete_old import DeleteOld
from services.ingestion.usecases.get_notification import GetNotification
from tests.integration.ingestion.test_accepting_and_planning import (
    SUBMISSION,
    Ingestion,
    incarnation,
)
from tests.support.clocks import SetClock
from tests.support.eventually import eventually
from tidings.dispatch.v1.delivery_pb2 import Delivery
from tidings.tracking.v1.fact_pb2 import Fact

# Deleting the first key waits until nobody holds the lock 1.
HELD_AT_THE_FIRST = """
CREATE FUNCTION ingestion.hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.collapse_key = 'first' THEN
        PERFORM pg_advisory_xact_lock(1);
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER hold BEFORE DELETE ON ingestion.collapse_keys FOR EACH ROW EXECUTE FUNCTION ingestion.hold();
"""


class NoDeliveries:
    """Dispatch has nothing of anything."""

    async def deliveries(
        self, tenant_id: str, notification_id: UUID
    ) -> tuple[list[Delivery], bool]:
        return [], True


class NoFacts:
    """Nothing is known from outside."""

    async def of(self, tenant_id: str, notification_id: UUID) -> list[Fact]:
        return []


class Aging:
    """Ingestion whose time can be set."""

    def __init__(self, pool: Pool, owner: UUID) -> None:
        self.pool = pool
        self.owner = owner
        self.clock = SetClock()
        self.ingestion = Ingestion(pool, owner, clock=self.clock)
        self.stopping = StoppingStore(pool, ask_again=timedelta(hours=1))
        self.get = GetNotification(
            store=self.ingestion.store,
            ledger=NoDeliveries(),  # type: ignore[arg-type]
            facts=NoFacts(),  # type: ignore[arg-type]
        )
        self.delete_old = DeleteOld(
            weeks=notification_weeks(pool),
            store=RetentionStore(pool),
            retention=timedelta(days=30),
            request_id_retention=timedelta(days=60),
            clock=self.clock,
        )

    async def plan(self, count: int) -> list[Notification]:
        batch = await self.ingestion.submit(count)
        await self.ingestion.plan.plan(batch)
        return batch

    async def answer(self, request_id: str, **fields: object) -> Answer:
        submission = replace(SUBMISSION, request_id=request_id, **fields)  # type: ignore[arg-type]
        (answer,) = await self.ingestion.accept([submission])
        assert isinstance(answer, Answer)
        return answer

    async def kept(self, ids: Sequence[UUID]) -> int:
        count: int = await self.pool.fetchval(
            "SELECT count(*) FROM ingestion.notifications WHERE notification_id = ANY($1::uuid[])",
            ids,
        )
        return count

    async def weeks(self) -> set[str]:
        rows = await self.pool.fetch(
            "SELECT inhrelid::regclass::text AS name FROM pg_inherits"
            " WHERE inhparent = 'ingestion.notifications'::regclass"
        )
        return {row["name"].rpartition("_")[2] for row in rows}

    @property
    def this_week(self) -> str:
        today = self.clock.now()
        return f"{today - timedelta(days=today.weekday()):%Y%m%d}"


@pytest.fixture
async def aging(database_url: str) -> AsyncIterator[Aging]:
    async with open_pool(database_url, application="test", partitioned=True) as pool:
        await pool.execute("DROP SCHEMA IF EXISTS ingestion CASCADE")
        await migrate(pool, package="services.ingestion", schema="ingestion")
        opened = Aging(pool, await incarnation(pool))
        await opened.delete_old.keep_weeks()
        yield opened


async def test_a_week_is_dropped_and_its_first_answers_stay(aging: Aging) -> None:
    week = aging.this_week
    first = await aging.answer("r")
    await aging.ingestion.plan.plan(await aging.ingestion.hand_over.take(1))
    aging.clock.advance(days=29)
    await aging.delete_old()
    assert await aging.kept([first.notification_id]) == 1
    aging.clock.advance(days=9)
    await aging.delete_old()
    assert week not in await aging.weeks()
    with pytest.raises(NotificationUnknown):
        await aging.get("demo", first.notification_id)
    assert await aging.answer("r") == replace(first, replayed=True)
    # Until the request id is forgotten, too.
    aging.clock.advance(days=30)
    await aging.delete_old()
    assert not (await aging.answer("r")).replayed


@pytest.mark.parametrize("pinned_by", ["schedule", "claim", "recent end", "time to live"])
async def test_of_a_pinned_week_only_what_ended_goes(aging: Aging, pinned_by: str) -> None:
    week = aging.this_week
    ended = [n.notification_id for _ in range(3) for n in await aging.plan(500)]
    later = aging.clock.now() + timedelta(days=300)
    match pinned_by:
        case "schedule":
            pin = (await aging.answer("pin", send_time=later)).notification_id
        case "claim":
            (claimed,) = await aging.ingestion.submit(1)
            pin = claimed.notification_id
        case "recent end":
            pin = (await aging.answer("pin", send_time=later)).notification_id
            await aging.stopping.cancel(pin, tenant_id="demo")
            await aging.pool.execute(
                "UPDATE ingestion.notifications SET cancel_time = $1, expire_time = accept_time"
                " WHERE notification_id = $2",
                aging.clock.now() + timedelta(days=38),
                pin,
            )
        case _:
            pin = (await aging.answer("pin", ttl=timedelta(days=30))).notification_id
            await aging.ingestion.plan.plan(await aging.ingestion.hand_over.take(1))
            await aging.pool.execute(
                "UPDATE ingestion.notifications SET expire_time = $1 WHERE notification_id = $2",
                later,
                pin,
            )
    aging.clock.advance(days=40)
    await asyncio.gather(*(aging.delete_old() for _ in range(3)))
    assert week in await aging.weeks()
    assert (await aging.kept(ended), await aging.kept([pin])) == (0, 1)


async def test_what_is_scheduled_across_the_retention_is_planned_once(aging: Aging) -> None:
    due = aging.clock.now() + timedelta(days=40)
    answer = await aging.answer("later", send_time=due)
    assert answer.state is NotificationState.SCHEDULED
    for _ in range(10):
        aging.clock.advance(days=4)
        await aging.delete_old()
    # PostgreSQL's clock, too, has come to it.
    await aging.pool.execute("UPDATE ingestion.notifications SET due_time = now()")
    for _ in range(2):
        found = await aging.ingestion.store.claim_waiting(
            owner=aging.owner, lane_limit=10, window=10, lanes=10
        )
        if found:
            await aging.ingestion.plan.plan(found)
    assert len(aging.ingestion.broker.messages) == 1
    outbox_id: UUID = await aging.pool.fetchval("SELECT outbox_id FROM ingestion.outbox")
    # The message has an age of its own, which is what the ledger's floor goes by.
    minted = datetime.fromtimestamp((outbox_id.int >> 80) / 1000, UTC)
    assert abs(minted - aging.clock.now()) < timedelta(seconds=1)


async def test_collapse_keys_go_with_what_they_name(aging: Aging) -> None:
    later = aging.clock.now() + timedelta(days=100)
    gone = await aging.answer("r1", collapse_key="gone")
    alive = await aging.answer("r2", collapse_key="alive", send_time=later)
    found = await aging.ingestion.store.claim_waiting(
        owner=aging.owner, lane_limit=10, window=10, lanes=10
    )
    await aging.ingestion.plan.plan(found)
    aging.clock.advance(days=40)
    fresh = await aging.answer("r3", collapse_key="fresh")
    await aging.delete_old()
    rows = await aging.pool.fetch("SELECT collapse_key FROM ingestion.collapse_keys")
    assert sorted(row["collapse_key"] for row in rows) == ["alive", "fresh"]
    amended = await aging.answer("r4", collapse_key="alive", send_time=later)
    assert (amended.notification_id, amended.revision) == (alive.notification_id, 2)
    again = await aging.answer("r5", collapse_key="gone")
    assert again.notification_id not in {gone.notification_id, fresh.notification_id}


async def test_a_key_that_is_given_anew_meanwhile_is_not_deleted(
    aging: Aging, database_url: str
) -> None:
    for key in ("first", "second"):
        await aging.answer(key, collapse_key=key)
    await aging.ingestion.plan.plan(
        await aging.ingestion.store.claim_waiting(
            owner=aging.owner, lane_limit=10, window=10, lanes=10
        )
    )
    # For PostgreSQL, too, they have expired: the next send begins anew.
    await aging.pool.execute("UPDATE ingestion.notifications SET expire_time = accept_time")
    accepted_until = aging.clock.now()
    aging.clock.advance(days=40)
    await aging.pool.execute(HELD_AT_THE_FIRST)
    async with (
        # A plan that looks at the second key when the first is deleted, and not before.
        open_pool(
            f"{database_url}?enable_hashjoin=off&enable_mergejoin=off", application="deletes"
        ) as deleting,
        aging.pool.acquire() as holding,
    ):
        await holding.execute("SELECT pg_advisory_lock(1)")
        deleted = asyncio.create_task(
            RetentionStore(deleting).delete_collapse_keys(
                before=accepted_until + timedelta(days=1), expired_before=aging.clock.now()
            )
        )

        async def held() -> bool:
            waiting: int = await holding.fetchval(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            )
            return waiting == 1

        await eventually(held)
        renewed = await aging.answer("renewed", collapse_key="second")
        await holding.execute("SELECT pg_advisory_unlock(1)")
        await deleted
    named = await aging.stopping.find_collapse_key("demo", "alice", "second")
    assert named == renewed.notification_id
    rows = await aging.pool.fetch("SELECT collapse_key FROM ingestion.collapse_keys")
    assert [row["collapse_key"] for row in rows] == ["second"]


async def test_plans_that_dispatch_has_stopped_go(aging: Aging) -> None:
    stopped, open_still = await aging.plan(2)
    for notification in (stopped, open_still):
        await aging.stopping.cancel(notification.notification_id, tenant_id="demo")
    await aging.stopping.finish([(stopped.notification_id, 1)], [(stopped.notification_id, 0)])
    await aging.pool.execute(
        "INSERT INTO ingestion.incarnations VALUES ($1, $2)",
        uuid4(),
        aging.clock.now() - timedelta(days=1),
    )
    aging.clock.advance(days=40)
    await aging.pool.execute(
        "UPDATE ingestion.incarnations SET expire_time = $1 WHERE incarnation_id = $2",
        aging.clock.now(),
        aging.owner,
    )
    await aging.delete_old()
    rows = await aging.pool.fetch("SELECT notification_id FROM ingestion.stopped_plans")
    assert [row["notification_id"] for row in rows] == [open_still.notification_id]
    kept = [await aging.kept([n.notification_id]) for n in (stopped, open_still)]
    assert kept == [0, 1]
    assert await aging.pool.fetchval("SELECT count(*) FROM ingestion.incarnations") == 1
