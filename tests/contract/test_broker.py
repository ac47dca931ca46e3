"""What every broker must do, over each that ships. Order is promised by none."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import aio_pika
import pytest

from libs.messaging.broker import Broker, Message, Received, Unroutable
from libs.messaging.memory import MemoryBroker
from libs.messaging.rabbitmq import RabbitBroker
from libs.messaging.topology import CLAIMED, CLAIMED_QUEUE, DELIVERIES, EVENTS, delivery_queue

QUEUE = delivery_queue("email", "low")
KEY = "email.low"
AMQP_URL = os.environ.get("TIDINGS_TEST_AMQP_URL", "")

BROKERS = [
    "memory",
    pytest.param(
        "rabbitmq",
        marks=[
            pytest.mark.external_service,
            pytest.mark.skipif(not AMQP_URL, reason="TIDINGS_TEST_AMQP_URL is not set"),
        ],
    ),
]


@pytest.fixture(params=BROKERS)
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    if request.param == "memory":
        yield MemoryBroker()
        return
    rabbit = RabbitBroker(AMQP_URL, name="tidings-contract")
    # The first publication declares the queues, which an earlier run may have left something in.
    await rabbit.publish(DELIVERIES, KEY, Message(body=b"first"))
    async with await aio_pika.connect(AMQP_URL) as connection, connection.channel() as channel:
        for queue in (QUEUE, CLAIMED_QUEUE):
            await (await channel.get_queue(queue)).purge()
    yield rabbit
    await rabbit.close()


class Collector:
    """A consumer that acknowledges, and lets a test wait for what it expects."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self._changed = asyncio.Event()

    async def __call__(self, received: Received) -> None:
        self.bodies.append(received.message.body)
        await received.acknowledge()
        self._changed.set()

    async def until(self, count: int) -> list[bytes]:
        async with asyncio.timeout(10):
            while len(self.bodies) < count:
                self._changed.clear()
                await self._changed.wait()
        return sorted(self.bodies)


async def test_what_is_published_arrives_with_its_headers(broker: Broker) -> None:
    got: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

    async def handle(received: Received) -> None:
        await received.acknowledge()
        got.set_result(received.message)

    async with broker.consume(QUEUE, handle, prefetch=1):
        await broker.publish(DELIVERIES, KEY, Message(body=b"one", headers={"a": "b"}))
        async with asyncio.timeout(10):
            message = await got
    assert (message.body, message.headers["a"]) == (b"one", "b")


async def test_all_of_many_arrive(broker: Broker) -> None:
    collector = Collector()
    bodies = [f"{number:03}".encode() for number in range(100)]
    async with broker.consume(QUEUE, collector, prefetch=10):
        await asyncio.gather(*(broker.publish(DELIVERIES, KEY, Message(body=b)) for b in bodies))
        assert await collector.until(100) == bodies


async def test_what_nobody_takes_is_refused(broker: Broker) -> None:
    with pytest.raises(Unroutable):
        await broker.publish(DELIVERIES, "email.none", Message(body=b"lost"))


async def test_what_fails_is_delivered_again(broker: Broker) -> None:
    collector = Collector()
    tries: list[bool] = []

    async def fail_once(received: Received) -> None:
        tries.append(received.redelivered)
        if len(tries) == 1:
            raise RuntimeError("once")
        await collector(received)

    async with broker.consume(QUEUE, fail_once, prefetch=1):
        await broker.publish(DELIVERIES, KEY, Message(body=b"again"))
        assert await collector.until(1) == [b"again"]
    assert tries == [False, True]


async def test_what_a_consumer_leaves_unsettled_goes_to_the_next(broker: Broker) -> None:
    held = asyncio.Event()

    async def hold(received: Received) -> None:
        held.set()
        await asyncio.Event().wait()

    async with broker.consume(QUEUE, hold, prefetch=1):
        await broker.publish(DELIVERIES, KEY, Message(body=b"kept"))
        async with asyncio.timeout(10):
            await held.wait()
    collector = Collector()
    async with broker.consume(QUEUE, collector, prefetch=1):
        assert await collector.until(1) == [b"kept"]


async def test_no_more_than_the_prefetch_are_in_hand(broker: Broker) -> None:
    in_hand: list[int] = []
    holding = 0
    go_on = asyncio.Event()
    two = asyncio.Event()
    collector = Collector()

    async def hold(received: Received) -> None:
        nonlocal holding
        holding += 1
        in_hand.append(holding)
        if holding == 2:
            two.set()
        await go_on.wait()
        holding -= 1
        await collector(received)

    async with broker.consume(QUEUE, hold, prefetch=2):
        for number in range(6):
            await broker.publish(DELIVERIES, KEY, Message(body=b"%d" % number))
        async with asyncio.timeout(10):
            await two.wait()
        go_on.set()
        await collector.until(6)
    assert max(in_hand) == 2


async def test_an_event_reaches_its_subscriber(broker: Broker) -> None:
    collector = Collector()
    async with broker.consume(CLAIMED_QUEUE, collector, prefetch=4):
        async with asyncio.timeout(10):
            await broker.publish(EVENTS, CLAIMED, Message(body=b"fact"))
        assert await collector.until(1) == [b"fact"]
