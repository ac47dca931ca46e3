"""What becomes of deliveries that a process had in hand when it died or came too late."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint

from libs.telemetry import metrics, names
from services.dispatch.domain.cancelling import fate_of
from services.dispatch.domain.models import (
    AT_MOST_ONCE,
    IN_APP,
    WEBHOOK,
    Decision,
    Fate,
    Settlement,
)
from tests.integration.dispatch.ledger_bench import SOON, Bench, S


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
