"""Walks every arrow of docs/states.md on a real ledger, and sees that nothing else moves."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint

from libs.clock import SystemClock
from libs.events import EventOutbox
from libs.messaging.memory import MemoryBroker
from libs.postgres.incarnation import Incarnation
from libs.postgres.migrations import migrate
from libs.postgres.pool import open_pool
from libs.postgres.transaction import in_transaction
from libs.telemetry import metrics, names
from services.dispatch.domain.arrows import SETTLES
from services.dispatch.domain.cancelling import fate_of
from services.dispatch.domain.models import (
    AT_MOST_ONCE,
    EMAIL,
    IN_APP,
    WEBHOOK,
    ClaimedDelivery,
    Decision,
    DeliveryBatch,
    DeliveryState,
    DeliveryTask,
    DeliveryToCancel,
    Fate,
    Settlement,
)
from services.dispatch.domain.settling import RetryPolicy
from services.dispatch.store.dead_letters import DeadLetterStore
from services.dispatch.store.ledger import Ledger
from services.dispatch.usecases.recover_orphans import RecoverOrphans
from tidings.event.v1.event_batch_pb2 import DeliveryChange, EventBatch

Pool = asyncpg.Pool
S = DeliveryState
Arrow = tuple[str, str, str, str]
"""From, to, statement, event."""
CLAIMED = "`DeliveriesClaimed`"
CHANGED = "`DeliveriesChanged`"
NONE = "\N{EN DASH}"
Draw = Callable[[ClaimedDelivery], Awaitable[object]]

STATES = Path(__file__).parents[3] / "docs" / "states.md"
ROW = re.compile(r"^\| (\(new\)|[A-Z]+) \| ([A-Z]+) \| `(\w+)` \|[^|]*\| (\S+) \|$", re.MULTILINE)
SOON = timedelta(seconds=1)
TASK = DeliveryTask(
    delivery_id=UUID(int=1),
    notification_id=UUID(int=2),
    revision=1,
    recipient_id="alice",
    category="order.shipped",
    endpoint="alice@example.com",
    locale="en",
    template_name="order-shipped",
    template_version=1,
    variables=b"",
    guarantee=1,
    accept_time=datetime.now(UTC),
    expire_time=datetime.now(UTC) + timedelta(days=1),
    traceparent="",
)


def documented() -> set[Arrow]:
    return {match.groups() for match in ROW.finditer(STATES.read_text("utf-8"))}  # type: ignore[misc]


class Bench:
    """A ledger, and rows put into any state."""

    def __init__(
        self, pool: asyncpg.Pool[asyncpg.Record], owner: UUID, events: EventOutbox
    ) -> None:
        self.pool = pool
        self.owner = owner
        self.ledger = Ledger(
            pool, events=events, owner=lambda: self.owner, claim_deadline=timedelta(hours=1)
        )
        self.dead_letters = DeadLetterStore(pool)

    async def row_in(self, state: DeliveryState, **columns: object) -> ClaimedDelivery:
        """Returns a delivery that was claimed, then put into `state`, due."""
        claimed = await self.claim(uuid4())
        hand = state in (S.CLAIMED, S.SENDING)
        values: dict[str, object] = {
            "state": state.value,
            "due_time": None if hand else datetime.now(UTC) - SOON,
            "sending_time": datetime.now(UTC),
            "change_time": datetime.now(UTC),
            **columns,
        }
        assignments = ", ".join(f"{name} = ${i}" for i, name in enumerate(values, 2))
        await self.pool.execute(
            f"UPDATE dispatch.deliveries SET {assignments} WHERE delivery_id = $1",  # noqa: S608
            claimed.task.delivery_id,
            *values.values(),
        )
        return claimed

    async def claim(self, delivery_id: UUID) -> ClaimedDelivery:
        batch = DeliveryBatch(
            outbox_id=uuid4(),
            tenant_id="demo",
            channel=EMAIL,
            priority=2,
            tasks=(replace(TASK, delivery_id=delivery_id),),
        )
        (claimed,) = await in_transaction(
            self.pool, lambda c: self.ledger.claim_tasks(c, batch, suspect=False)
        )
        return claimed

    async def state_of(self, delivery: ClaimedDelivery) -> DeliveryState:
        row = await self.pool.fetchval(
            "SELECT state FROM dispatch.deliveries WHERE delivery_id = $1",
            delivery.task.delivery_id,
        )
        return DeliveryState(row)

    async def stated(self) -> list[DeliveryChange]:
        """Returns what the outbox states, one event per transaction, the oldest first."""
        rows = await self.pool.fetch("SELECT payload FROM dispatch.event_outbox ORDER BY due_time")
        batches = [EventBatch.FromString(row["payload"]) for row in rows]
        assert all(len(batch.events) == 1 for batch in batches)
        return [c for batch in batches for c in batch.events[0].deliveries_changed.changes]

    async def forget(self) -> None:
        await self.pool.execute("DELETE FROM dispatch.event_outbox")
        await self.pool.execute("DELETE FROM dispatch.deliveries")
        await self.pool.execute("DELETE FROM dispatch.dead_letters")

    def settle(self, from_state: DeliveryState, to_state: DeliveryState) -> Draw:
        waits = to_state in (S.RETRY, S.PARKED)
        settlement = Settlement(state=to_state, delay=SOON if waits else None)

        async def draw(delivery: ClaimedDelivery) -> object:
            return await self.ledger.settle(
                [Decision(delivery=delivery, settlement=settlement)], from_state=from_state
            )

        return draw

    async def claim_due(self, delivery: ClaimedDelivery) -> object:
        return await self.ledger.claim_due(EMAIL, 2, limit=10)

    async def begin_sending(self, delivery: ClaimedDelivery) -> object:
        return await self.ledger.begin_sending(
            [delivery], call_timeout=SOON, render_time=datetime.now(UTC)
        )

    async def settle_late(self, delivery: ClaimedDelivery) -> object:
        await self.ledger.settle_late([(delivery.task.delivery_id, b"")])
        return None

    async def revive_unknown(self, delivery: ClaimedDelivery) -> object:
        await self.ledger.revive_unknown(limit=10)
        return None

    async def cancel(self, delivery: ClaimedDelivery) -> object:
        task = delivery.task
        return await self.ledger.cancel(
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

    async def orphan(self, delivery: ClaimedDelivery) -> object:
        await self.pool.execute(
            "UPDATE dispatch.deliveries SET claim_owner = $1 WHERE claim_owner IS NOT NULL",
            uuid4(),
        )
        return await self.recover(delivery)

    async def recover(self, delivery: ClaimedDelivery) -> object:
        # The one step of it that this is about; reviving is walked apart.
        return await in_transaction(self.pool, self.recovery().recover)

    def recovery(self) -> RecoverOrphans:
        return RecoverOrphans(
            pool=self.pool,
            ledger=self.ledger,
            dead_letters=self.dead_letters,
            policies=dict.fromkeys(
                (EMAIL, IN_APP, WEBHOOK), RetryPolicy(max_attempts=4, base=SOON, ceiling=SOON)
            ),
            max_lone_deaths=3,
            may_judge=lambda: True,
            clock=SystemClock(),
        )


@pytest.fixture(scope="module")
async def bench(database_url: str) -> AsyncIterator[Bench]:
    async with open_pool(database_url, application="test") as pool:
        await migrate(pool, package="services.dispatch", schema="dispatch")
        incarnation = Incarnation(pool, schema="dispatch", lease=timedelta(hours=1))
        await incarnation.begin(sole=True)
        # Nobody subscribes, so that what is stated stays to be seen.
        async with EventOutbox(
            pool, schema="dispatch", broker=MemoryBroker(), interval=SOON
        ) as events:
            yield Bench(pool, incarnation.incarnation_id, events)


async def drawn(bench: Bench, statement: str, draw: Draw, **columns: object) -> set[Arrow]:
    """Returns the arrows that a statement draws, tried on a row in each state."""
    arrows = set()
    for state in DeliveryState:
        await bench.forget()
        delivery = await bench.row_in(state, **columns)
        await draw(delivery)
        after = await bench.state_of(delivery)
        stated = {S(change.state) for change in await bench.stated()}
        assert stated <= {after}
        if after is not state:
            arrows.add((state.name, after.name, statement, CHANGED if stated else NONE))
    return arrows


async def test_the_documented_arrows_are_all_there_is(bench: Bench) -> None:
    arrows: set[Arrow] = set()
    for name in ("claim_due", "begin_sending", "settle_late", "revive_unknown", "cancel"):
        arrows |= await drawn(bench, name, getattr(bench, name))
    arrows |= await drawn(bench, "cancel", bench.cancel, in_doubt=True)
    for columns in (
        {},
        {"cancelled": True},
        {"cancelled": True, "in_doubt": True},
        {"alone": True, "lone_deaths": 2},
        {"channel": WEBHOOK, "attempts": 1},
        {"channel": WEBHOOK, "attempts": 4},
    ):
        arrows |= await drawn(bench, "orphan", bench.orphan, **columns)
    for from_state, targets in SETTLES.items():
        for to_state in targets:
            draw = bench.settle(from_state, to_state)
            arrows |= await drawn(bench, "settle", draw)
            arrows |= await drawn(bench, "settle", draw, cancelled=True)
            arrows |= await drawn(bench, "settle", draw, cancelled=True, in_doubt=True)
    await bench.forget()
    claimed = await bench.claim(uuid4())
    # Whoever claims states it: see ClaimWork.
    arrows.add(("(new)", (await bench.state_of(claimed)).name, "claim_tasks", CLAIMED))
    unknown = replace(claimed, task=replace(TASK, delivery_id=uuid4()))
    await bench.cancel(unknown)
    (tombstone,) = await bench.stated()
    assert tombstone.delivery_id == unknown.task.delivery_id.bytes
    assert (tombstone.recipient_id, tombstone.category) == ("alice", "order.shipped")
    arrows.add(("(new)", S(tombstone.state).name, "cancel", CHANGED))
    assert arrows == documented()


async def test_changes_are_numbered_in_the_order_in_which_they_were_made(bench: Bench) -> None:
    await bench.forget()
    delivery = await bench.row_in(S.CLAIMED)
    await bench.settle(S.CLAIMED, S.RETRY)(delivery)
    await bench.pool.execute("UPDATE dispatch.deliveries SET due_time = now()")
    (again,) = await bench.ledger.claim_due(EMAIL, 2, limit=10)
    assert await bench.begin_sending(again) == {again.task.delivery_id}
    await bench.orphan(again)
    await bench.pool.execute("UPDATE dispatch.deliveries SET due_time = now()")
    await bench.revive_unknown(again)
    await bench.cancel(again)
    await bench.settle_late(again)
    changes = sorted(await bench.stated(), key=lambda change: change.change_number)
    assert [S(change.state) for change in changes] == [
        S.RETRY,
        S.UNKNOWN,
        S.RETRY,
        S.UNKNOWN,
        S.SENT,
    ]
    assert len({change.change_number for change in changes}) == len(changes)
    times = [change.state_time.ToNanoseconds() for change in changes]
    assert times == sorted(set(times))
    assert [change.attempts for change in changes] == [0, 1, 1, 1, 1]
    assert all(change.recipient_id == "alice" for change in changes)


async def test_a_batch_of_changes_is_one_event(bench: Bench) -> None:
    await bench.forget()
    deliveries = [await bench.row_in(S.SENDING) for _ in range(20)]
    settlement = Settlement(state=S.SENT)
    settled = await bench.ledger.settle(
        [Decision(delivery=d, settlement=settlement) for d in deliveries], from_state=S.SENDING
    )
    assert len(settled) == 20
    assert await bench.pool.fetchval("SELECT count(*) FROM dispatch.event_outbox") == 1
    assert {UUID(bytes=c.delivery_id) for c in await bench.stated()} == settled


async def test_a_change_that_cannot_be_stated_is_not_made(bench: Bench) -> None:
    delivery = await bench.row_in(S.SENDING)
    await bench.pool.execute("ALTER TABLE dispatch.event_outbox RENAME TO away")
    try:
        with pytest.raises(asyncpg.UndefinedTableError):
            await bench.settle(S.SENDING, S.SENT)(delivery)
    finally:
        await bench.pool.execute("ALTER TABLE dispatch.away RENAME TO event_outbox")
    assert await bench.state_of(delivery) is S.SENDING


@pytest.mark.parametrize("from_state", [S.CLAIMED, S.SENDING])
async def test_other_settlements_are_refused(bench: Bench, from_state: DeliveryState) -> None:
    for to_state in set(DeliveryState) - SETTLES[from_state]:
        delivery = await bench.row_in(from_state)
        with pytest.raises(ValueError, match="cannot go from"):
            await bench.settle(from_state, to_state)(delivery)
        assert await bench.state_of(delivery) is from_state


async def test_without_the_token_nothing_moves(bench: Bench) -> None:
    for from_state, to_state in ((S.CLAIMED, S.SENT), (S.SENDING, S.SENT)):
        delivery = await bench.row_in(from_state)
        stranger = replace(delivery, claim_token=uuid4())
        assert await bench.settle(from_state, to_state)(stranger) == set()
        assert await bench.begin_sending(stranger) == set()
        assert await bench.state_of(delivery) is from_state


async def test_a_call_that_outlives_the_lease_is_not_begun(bench: Bench) -> None:
    delivery = await bench.row_in(
        S.CLAIMED, claim_deadline=datetime.now(UTC) + timedelta(milliseconds=500)
    )
    assert await bench.begin_sending(delivery) == set()
    assert await bench.state_of(delivery) is S.CLAIMED


async def test_a_message_seen_before_claims_nothing(bench: Bench) -> None:
    delivery = await bench.row_in(S.SENT)
    batch = DeliveryBatch(
        outbox_id=uuid4(), tenant_id="demo", channel=EMAIL, priority=2, tasks=(delivery.task,)
    )
    again = await in_transaction(
        bench.pool, lambda c: bench.ledger.claim_tasks(c, batch, suspect=False)
    )
    assert again == []
    assert await bench.state_of(delivery) is S.SENT


async def test_a_tombstone_stops_the_message_that_comes_after_it(bench: Bench) -> None:
    task = replace(TASK, delivery_id=uuid4())
    batch = DeliveryBatch(
        outbox_id=uuid4(), tenant_id="demo", channel=EMAIL, priority=2, tasks=(task,)
    )
    stopped = ClaimedDelivery(
        tenant_id="demo",
        channel=EMAIL,
        priority=2,
        claim_token=uuid4(),
        attempts=0,
        claims=1,
        suspect=False,
        task=task,
    )
    assert await bench.cancel(stopped) == [S.CANCELLED]
    assert (
        await in_transaction(
            bench.pool, lambda c: bench.ledger.claim_tasks(c, batch, suspect=False)
        )
        == []
    )


async def test_the_third_lone_death_is_a_dead_letter(bench: Bench) -> None:
    await bench.forget()
    delivery = await bench.row_in(S.CLAIMED, alone=True, lone_deaths=2)
    await bench.orphan(delivery)
    assert await bench.state_of(delivery) is S.DEAD
    (letter,) = await bench.dead_letters.list_newest("demo", before=None, limit=10)
    assert letter["delivery_id"] == delivery.task.delivery_id


@pytest.mark.parametrize(
    ("columns", "outcome"),
    [
        ({"state": S.CLAIMED, "alone": True, "lone_deaths": 2}, "dead"),
        ({"state": S.SENDING, "guarantee": AT_MOST_ONCE}, "unknown"),
    ],
)
async def test_what_dead_processes_had_in_hand_is_counted(
    bench: Bench, columns: dict[str, Any], outcome: str
) -> None:
    await bench.forget()
    delivery = await bench.row_in(**columns)
    await bench.pool.execute("UPDATE dispatch.deliveries SET claim_owner = $1", uuid4())
    reader = InMemoryMetricReader()
    metrics.write_to(MeterProvider([reader], shutdown_on_exit=False).get_meter("tidings"))
    try:
        await bench.recovery()()
        data = reader.get_metrics_data()
    finally:
        metrics.write_to(None)
    assert data is not None
    (metric,) = data.resource_metrics[0].scope_metrics[0].metrics
    (point,) = metric.data.data_points
    assert isinstance(point, NumberDataPoint)
    assert (metric.name, point.value) == (names.DELIVERY_OUTCOMES, 1)
    assert point.attributes == {
        names.CHANNEL: names.channel_name(delivery.channel),
        names.PROVIDER: "none",
        names.OUTCOME: outcome,
    }


async def test_deaths_in_company_never_count(bench: Bench) -> None:
    await bench.forget()
    delivery = await bench.row_in(S.CLAIMED, orphanings=50, lone_deaths=2)
    await bench.orphan(delivery)
    assert await bench.state_of(delivery) is S.RETRY


async def test_a_living_owner_that_came_too_late_is_no_death(bench: Bench) -> None:
    await bench.forget()
    delivery = await bench.row_in(
        S.CLAIMED, alone=True, lone_deaths=2, claim_deadline=datetime.now(UTC) - SOON
    )
    await bench.recover(delivery)
    row = await bench.pool.fetchrow(
        "SELECT state, orphanings, lone_deaths FROM dispatch.deliveries WHERE delivery_id = $1",
        delivery.task.delivery_id,
    )
    assert row is not None
    assert tuple(row) == (S.RETRY.value, 0, 2)


async def test_what_may_have_left_is_never_said_to_be_stopped(bench: Bench) -> None:
    await bench.forget()
    delivery = await bench.row_in(S.SENDING)
    await bench.orphan(delivery)
    assert await bench.state_of(delivery) is S.UNKNOWN
    await bench.pool.execute("UPDATE dispatch.deliveries SET due_time = now()")
    await bench.revive_unknown(delivery)
    assert await bench.state_of(delivery) is S.RETRY
    assert await bench.cancel(delivery) == [S.UNKNOWN]


async def test_an_item_that_was_in_hand_is_in_flight_when_it_is_cancelled(bench: Bench) -> None:
    await bench.forget()
    delivery = await bench.row_in(S.CLAIMED, channel=IN_APP)
    await bench.orphan(delivery)
    assert await bench.cancel(delivery) == [S.RETRY]
    assert fate_of(S.RETRY) is Fate.IN_FLIGHT
    never = await bench.row_in(S.WAITING, channel=IN_APP, claims=0)
    assert await bench.cancel(never) == [S.CANCELLED]


async def test_a_webhook_whose_sender_died_is_sent_again_and_is_never_unknown(bench: Bench) -> None:
    await bench.forget()
    delivery = await bench.row_in(S.SENDING, channel=WEBHOOK, guarantee=AT_MOST_ONCE, attempts=1)
    await bench.orphan(delivery)
    assert await bench.state_of(delivery) is S.RETRY


async def test_a_webhook_that_may_have_left_is_never_said_to_be_stopped(bench: Bench) -> None:
    died = await bench.row_in(S.SENDING, channel=WEBHOOK, attempts=1)
    await bench.orphan(died)
    assert await bench.cancel(died) == [S.UNKNOWN]
    again = Settlement(state=S.RETRY, delay=SOON, in_doubt=True)
    timed_out = await bench.row_in(S.SENDING, channel=WEBHOOK)
    decision = Decision(delivery=timed_out, settlement=again)
    await bench.ledger.settle([decision], from_state=S.SENDING)
    assert await bench.cancel(timed_out) == [S.UNKNOWN]
    cancelled = await bench.row_in(S.SENDING, channel=WEBHOOK, cancelled=True)
    decision = Decision(delivery=cancelled, settlement=again)
    await bench.ledger.settle([decision], from_state=S.SENDING)
    assert await bench.state_of(cancelled) is S.UNKNOWN
