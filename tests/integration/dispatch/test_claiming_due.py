"""A look at what is due puts it into its lane, and takes nothing else in hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from libs.clock import SystemClock
from services.dispatch.domain.models import EMAIL, ClaimedDelivery
from services.dispatch.usecases.claim_work import ClaimWork
from services.dispatch.usecases.lane import Lane
from services.dispatch.usecases.solitude import Solitude
from tests.integration.dispatch.ledger_bench import Bench, S

NORMAL = 2


async def never(_: Sequence[ClaimedDelivery] | ClaimedDelivery) -> None:
    raise AssertionError("the lane does not run")


async def test_one_look_takes_what_is_due_into_its_lane(bench: Bench) -> None:
    await bench.forget()
    lane = Lane(
        EMAIL,
        NORMAL,
        deliver=never,
        deliver_alone=never,
        give_back=never,
        solitude=Solitude(),
        claim_deadline=timedelta(hours=1),
        capacity=100,
        batch=50,
    )
    claim = ClaimWork(
        pool=bench.pool,
        ledger=bench.ledger,
        events=bench.events,
        dead_letters=bench.dead_letters,
        lanes={(EMAIL, NORMAL): lane},
        clock=SystemClock(),
    )
    later = await bench.row_in(S.RETRY, due_time=datetime.now(UTC) + timedelta(hours=1))
    await claim.claim_due()
    assert lane.room.in_use == 0
    due = [await bench.row_in(state) for state in (S.RETRY, S.PARKED, S.WAITING)]
    await claim.claim_due()
    assert lane.room.in_use == len(due)
    assert {await bench.state_of(delivery) for delivery in due} == {S.CLAIMED}
    assert await bench.state_of(later) is S.RETRY
