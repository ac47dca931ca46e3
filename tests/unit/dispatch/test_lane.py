"""A lane delivers what it holds, in time or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from libs.errors import DependencyUnavailable
from services.dispatch.domain.models import EMAIL, ClaimedDelivery, DeliveryTask
from services.dispatch.usecases import lane as lanes
from services.dispatch.usecases.lane import Lane
from services.dispatch.usecases.solitude import Solitude

NORMAL = 2
CLAIM_DEADLINE = timedelta(seconds=12)


def claimed(count: int, *, suspect: bool = False) -> list[ClaimedDelivery]:
    now = datetime.now(UTC)
    return [
        ClaimedDelivery(
            tenant_id="demo",
            channel=EMAIL,
            priority=NORMAL,
            claim_token=uuid4(),
            attempts=0,
            claims=1,
            suspect=suspect,
            task=DeliveryTask(
                delivery_id=uuid4(),
                notification_id=uuid4(),
                revision=1,
                recipient_id="alice",
                category="order.shipped",
                endpoint="alice@example.com",
                locale="en",
                template_name="order-shipped",
                template_version=1,
                variables=b"",
                guarantee=1,
                accept_time=now,
                expire_time=now + timedelta(days=1),
                traceparent="",
            ),
        )
        for _ in range(count)
    ]


class Process:
    """A lane whose clock is set, and what became of its deliveries."""

    def __init__(self) -> None:
        self.now = 0.0
        self.seconds_each = 0.0
        self.away = 0
        self.delivered: list[ClaimedDelivery] = []
        self.given_back: list[ClaimedDelivery] = []
        self.lane = Lane(
            EMAIL,
            NORMAL,
            deliver=self._deliver,
            deliver_alone=self._deliver_alone,
            give_back=self._give_back,
            solitude=Solitude(),
            claim_deadline=CLAIM_DEADLINE,
            capacity=10,
            batch=5,
            monotonic=lambda: self.now,
        )

    async def take(self, deliveries: list[ClaimedDelivery]) -> None:
        await self.lane.room.take(len(deliveries))
        self.lane.put(deliveries)

    async def run_until(self, count: int) -> None:
        """Runs the lane until so many are delivered or given back."""
        running = asyncio.create_task(self.lane.run())
        async with asyncio.timeout(5):
            while len(self.delivered) + len(self.given_back) < count:  # noqa: ASYNC110
                await asyncio.sleep(0)
        running.cancel()
        await self.lane.finish(1)

    async def _deliver(self, batch: Sequence[ClaimedDelivery]) -> None:
        if self.away:
            self.away -= 1
            raise DependencyUnavailable("database")
        self.now += self.seconds_each * len(batch)
        self.delivered += batch

    async def _deliver_alone(self, delivery: ClaimedDelivery) -> None:
        await self._deliver([delivery])

    async def _give_back(self, batch: Sequence[ClaimedDelivery]) -> None:
        self.given_back += batch


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Process:
    monkeypatch.setattr(lanes, "_PAUSE_S", 0.0)
    return Process()


async def test_what_waited_for_half_of_its_claim_is_given_back_unworked(process: Process) -> None:
    deliveries = claimed(9) + claimed(1, suspect=True)
    process.seconds_each = 1.3
    await process.take(deliveries)
    await process.run_until(10)
    assert process.delivered == deliveries[:5]
    assert process.given_back == deliveries[5:]
    # Messages wait until that has gone; then all of the room is there again.
    message = asyncio.create_task(process.take(claimed(1)))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not message.done()
    assert process.lane.room.take_due(10) == 10
    await process.lane.room.give(due_again=10)
    await process.lane.room.none_due()
    async with asyncio.timeout(1):
        await message
        await process.take(claimed(9))


async def test_what_waited_less_is_delivered(process: Process) -> None:
    deliveries = claimed(10)
    process.seconds_each = 1.1
    await process.take(deliveries)
    await process.run_until(10)
    assert process.delivered == deliveries


async def test_a_full_lane_goes_on_when_the_database_is_back(process: Process) -> None:
    deliveries = claimed(10)
    process.away = 2
    await process.take(deliveries)
    await process.run_until(10)
    assert process.delivered == deliveries
