"""Walks every arrow of docs/states.md on a real ledger, and sees that nothing else moves."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from libs.postgres.transaction import in_transaction
from services.dispatch.domain.arrows import SETTLES
from services.dispatch.domain.models import (
    EMAIL,
    WEBHOOK,
    ClaimedDelivery,
    DeliveryBatch,
    DeliveryState,
)
from tests.integration.dispatch.ledger_bench import SOON, TASK, Bench, Draw, S

Arrow = tuple[str, str, str, str]
"""From, to, statement, event."""
CLAIMED = "`DeliveriesClaimed`"
CHANGED = "`DeliveriesChanged`"
NONE = "\N{EN DASH}"
STATES = Path(__file__).parents[3] / "docs" / "states.md"
ROW = re.compile(r"^\| (\(new\)|[A-Z]+) \| ([A-Z]+) \| `(\w+)` \|[^|]*\| (\S+) \|$", re.MULTILINE)


def documented() -> set[Arrow]:
    return {match.groups() for match in ROW.finditer(STATES.read_text("utf-8"))}  # type: ignore[misc]


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


@pytest.mark.parametrize("wait", [-SOON, timedelta(hours=1)])
async def test_what_may_be_claimed_when_due_is_known_to_be_due(
    bench: Bench, wait: timedelta
) -> None:
    for state in DeliveryState:
        await bench.forget()
        delivery = await bench.row_in(state, due_time=datetime.now(UTC) + wait)
        due = await bench.ledger.is_any_due()
        assert due is bool(await bench.claim_due(delivery))
        assert due is (wait < timedelta(0) and state in (S.RETRY, S.PARKED, S.WAITING))


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
