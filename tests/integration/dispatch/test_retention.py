"""Old weeks of the ledger go, and what can still happen stays."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from libs.clock import mint_uuid7
from libs.postgres.transaction import in_transaction
from services.dispatch.domain.models import (
    DeadLetter,
    DeadLetterReason,
    DeliveryState,
    Settlement,
)
from services.dispatch.store.dead_letters import DeadLetterStore
from services.dispatch.store.retention import ledger_weeks
from tests.integration.dispatch.aging_ledger import RETENTION, SENT, Dispatch, Planned
from tests.support.eventually import eventually

WAITS_FOR_US = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"


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


@pytest.mark.parametrize("scheduled", [False, True])
async def test_a_week_that_got_a_late_row_after_it_was_looked_at_is_kept(
    dispatch: Dispatch, scheduled: bool
) -> None:
    week = dispatch.this_week
    accepted = dispatch.clock.now()
    await dispatch.deliver(dispatch.plan(1))
    dispatch.clock.advance(days=40)
    late = dispatch.plan(1, accepted=accepted, scheduled=scheduled)
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
