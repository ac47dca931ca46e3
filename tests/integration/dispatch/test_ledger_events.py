"""What the ledger states of its changes: with them, in their order, once per batch."""

from __future__ import annotations

from uuid import UUID

import asyncpg
import pytest

from services.dispatch.domain.models import (
    EMAIL,
    Decision,
    Settlement,
)
from tests.integration.dispatch.ledger_bench import Bench, S


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
