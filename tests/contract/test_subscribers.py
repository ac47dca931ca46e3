"""An event reaches every subscriber, each through a queue of its own, over every broker that ships."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from libs.messaging.broker import Broker, Message, Received
from libs.messaging.memory import MemoryBroker
from libs.messaging.rabbitmq import RabbitBroker
from libs.messaging.topology import EVENTS, Binding
from tests.support.consumers import Collector
from tests.support.eventually import eventually
from tests.support.rabbitmq import BrokerNode

FACT, OTHER = "contract.fact", "contract.other"
FIRST, SECOND = "tidings.events.contract.first", "tidings.events.contract.second"
BINDINGS = (
    Binding(EVENTS, FACT, FIRST),
    Binding(EVENTS, FACT, SECOND),
    # One subscriber may want several facts.
    Binding(EVENTS, OTHER, SECOND),
)
BROKERS = ["memory", pytest.param("rabbitmq", marks=pytest.mark.external_service)]


@pytest.fixture
def memory() -> Broker:
    return MemoryBroker(BINDINGS)


@pytest.fixture
async def rabbitmq(node: BrokerNode) -> AsyncIterator[Broker]:
    opened = RabbitBroker(node.url, name="tidings-contract", bindings=BINDINGS)
    yield opened
    await opened.close()


@pytest.fixture(params=BROKERS)
def broker(request: pytest.FixtureRequest) -> Broker:
    opened: Broker = request.getfixturevalue(request.param)
    return opened


async def test_every_subscriber_gets_the_facts_that_it_wants(broker: Broker) -> None:
    first, second = Collector(), Collector()
    async with (
        broker.consume(FIRST, first, prefetch=4),
        broker.consume(SECOND, second, prefetch=4),
    ):
        async with asyncio.timeout(10):
            await broker.publish(EVENTS, FACT, Message(body=b"fact"))
            await broker.publish(EVENTS, OTHER, Message(body=b"other"))
        assert await second.until(2) == [b"fact", b"other"]
        assert await first.until(1) == [b"fact"]


async def test_what_one_subscriber_fails_at_comes_again_to_that_one_only(broker: Broker) -> None:
    well, ill = Collector(), Collector()
    tries: list[bool] = []

    async def fail_twice(received: Received) -> None:
        tries.append(received.redelivered)
        if len(tries) < 3:
            raise RuntimeError("not yet")
        await ill(received)

    async with (
        broker.consume(FIRST, well, prefetch=4),
        broker.consume(SECOND, fail_twice, prefetch=4),
    ):
        async with asyncio.timeout(10):
            await broker.publish(EVENTS, FACT, Message(body=b"fact"))
        assert await ill.until(1) == [b"fact"]
    assert tries == [False, True, True]
    assert (well.bodies, well.redelivered) == ([b"fact"], [False])


async def test_the_embedded_broker_confirms_when_the_last_subscriber_has_committed() -> None:
    broker = MemoryBroker(BINDINGS)
    go_on, first = asyncio.Event(), Collector()

    async def commit_late(received: Received) -> None:
        await go_on.wait()
        await received.acknowledge()

    async with (
        broker.consume(FIRST, first, prefetch=1),
        broker.consume(SECOND, commit_late, prefetch=1),
    ):
        publishing = asyncio.ensure_future(broker.publish(EVENTS, FACT, Message(body=b"fact")))
        await eventually(lambda: bool(first.bodies))
        assert not publishing.done()
        go_on.set()
        async with asyncio.timeout(10):
            await publishing
