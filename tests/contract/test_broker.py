"""What every broker must do, over each that ships. Order is promised by none.

What only a broker of its own process can go through lies in `test_broker_failures.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from libs.messaging.broker import Broker, Message, Received, Unroutable
from libs.messaging.memory import MemoryBroker
from libs.messaging.rabbitmq import RabbitBroker
from libs.messaging.topology import CLAIMED, CLAIMED_QUEUE, DELIVERIES, EVENTS, delivery_queue
from tests.support.consumers import Collector, Holder
from tests.support.eventually import eventually
from tests.support.rabbitmq import BrokerNode

QUEUE = delivery_queue("email", "low")
KEY = "email.low"

BROKERS = ["memory", pytest.param("rabbitmq", marks=pytest.mark.external_service)]


@pytest.fixture
def memory() -> Broker:
    return MemoryBroker()


@pytest.fixture
async def rabbitmq(node: BrokerNode) -> AsyncIterator[Broker]:
    opened = RabbitBroker(node.url, name="tidings-contract")
    yield opened
    await opened.close()


@pytest.fixture(params=BROKERS)
def broker(request: pytest.FixtureRequest) -> Broker:
    # By name, so that RabbitMQ is started only for the tests that use it.
    opened: Broker = request.getfixturevalue(request.param)
    return opened


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
    holder = Holder()
    async with broker.consume(QUEUE, holder, prefetch=3):
        for body in (b"1", b"2", b"3"):
            await broker.publish(DELIVERIES, KEY, Message(body=body))
        await holder.until(3)
    collector = Collector()
    async with broker.consume(QUEUE, collector, prefetch=1):
        assert await collector.until(3) == [b"1", b"2", b"3"]
    assert collector.redelivered == [True, True, True]


async def test_a_consumer_that_left_gets_nothing_more(broker: Broker) -> None:
    early, late = Collector(), Collector()
    async with broker.consume(QUEUE, early, prefetch=1):
        pass
    await broker.publish(DELIVERIES, KEY, Message(body=b"one"))
    async with broker.consume(QUEUE, late, prefetch=1):
        assert await late.until(1) == [b"one"]
    assert early.bodies == []


async def test_what_is_given_back_comes_again(broker: Broker) -> None:
    collector = Collector()
    tries: list[bool] = []

    async def give_back_once(received: Received) -> None:
        tries.append(received.redelivered)
        if len(tries) == 1:
            await received.reject(requeue=True)
        else:
            await collector(received)

    async with broker.consume(QUEUE, give_back_once, prefetch=1):
        await broker.publish(DELIVERIES, KEY, Message(body=b"again", headers={"a": "b"}))
        assert await collector.until(1) == [b"again"]
    assert tries == [False, True]
    assert collector.headers[0]["a"] == "b"


async def test_what_is_rejected_for_good_does_not_come_again(broker: Broker) -> None:
    collector = Collector()

    async def refuse_the_bad(received: Received) -> None:
        if received.message.body == b"bad":
            await received.reject(requeue=False)
        else:
            await collector(received)

    async with broker.consume(QUEUE, refuse_the_bad, prefetch=1):
        for body in (b"bad", b"good 1", b"good 2"):
            await broker.publish(DELIVERIES, KEY, Message(body=body))
        assert await collector.until(2) == [b"good 1", b"good 2"]


async def test_two_consumers_share_the_work(broker: Broker) -> None:
    first, second = Collector(), Collector()
    bodies = [f"{number:02}".encode() for number in range(40)]
    async with (
        broker.consume(QUEUE, first, prefetch=2),
        broker.consume(QUEUE, second, prefetch=2),
    ):
        for body in bodies:
            await broker.publish(DELIVERIES, KEY, Message(body=body))
        await eventually(lambda: len(first.bodies) + len(second.bodies) == len(bodies))
    assert sorted(first.bodies + second.bodies) == bodies


async def test_a_publisher_that_is_cancelled_is_cancelled(broker: Broker) -> None:
    """What a closing connection does to its futures must not be mistaken for this, nor this for that."""
    publishing = asyncio.ensure_future(broker.publish(EVENTS, CLAIMED, Message(body=b"fact")))
    await asyncio.sleep(0)
    publishing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await publishing


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
