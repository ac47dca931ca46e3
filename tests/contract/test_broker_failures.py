"""RabbitMQ when channels, connections and the broker itself break, and what cannot be worked on.

The in-process broker has no connections to lose, and what its process held is gone with it by
design: the outboxes on both sides publish again (`tests/e2e/test_crash.py` kills it).
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable

import aio_pika
import pytest

from libs.messaging.broker import Broker, BrokerUnavailable, Message, Received
from libs.messaging.rabbitmq import RabbitBroker
from libs.messaging.topology import DEAD_LETTERS_QUEUE, DELIVERIES, delivery_queue
from tests.support.consumers import Collector
from tests.support.eventually import eventually
from tests.support.rabbitmq import BrokerNode

pytestmark = pytest.mark.external_service

QUEUE = delivery_queue("email", "low")
KEY = "email.low"
LONGEST_PUBLICATION_S = 16.0
"""Connecting and waiting for the confirmation have an end each; a crowd waits no longer than one."""
COMES_BACK_S = 20.0


@pytest.fixture
async def broker(node: BrokerNode) -> AsyncIterator[RabbitBroker]:
    opened = RabbitBroker(node.url, name="tidings-contract")
    yield opened
    await opened.close()


async def publish_until_confirmed(broker: Broker, body: bytes, *, within: float = 30) -> None:
    async def confirmed() -> bool:
        try:
            await broker.publish(DELIVERIES, KEY, Message(body=body))
        except BrokerUnavailable:
            return False
        return True

    await eventually(confirmed, within=within)


async def timed(publication: Awaitable[None]) -> tuple[float, BaseException | None]:
    begun = time.monotonic()
    try:
        await publication
    except BaseException as error:  # noqa: BLE001 - its type is what is tested
        return time.monotonic() - begun, error
    return time.monotonic() - begun, None


async def test_a_lost_connection_returns_what_was_in_hand(
    broker: RabbitBroker, own_node: BrokerNode
) -> None:
    collector = Collector()
    held: list[bytes] = []
    go_on = asyncio.Event()

    async def hold(received: Received) -> None:
        held.append(received.message.body)
        await go_on.wait()
        await collector(received)

    async with broker.consume(QUEUE, hold, prefetch=2):
        for body in (b"1", b"2"):
            await broker.publish(DELIVERIES, KEY, Message(body=body))
        await eventually(lambda: len(held) == 2)
        await own_node.close_connections()
        await publish_until_confirmed(broker, b"3")
        go_on.set()
        await eventually(lambda: collector.redelivered.count(True) == 2, within=COMES_BACK_S)
    again = zip(collector.bodies, collector.redelivered, strict=True)
    assert sorted(body for body, redelivered in again if redelivered) == [b"1", b"2"]


async def test_a_lost_channel_returns_what_was_in_hand(broker: RabbitBroker) -> None:
    """Acknowledging twice is an error that ends the channel, and no other."""
    collector = Collector()
    rest = asyncio.Event()

    async def break_the_channel_once(received: Received) -> None:
        if received.redelivered or received.message.body != b"breaks":
            await rest.wait()
            await collector(received)
            return
        await received.acknowledge()
        incoming = received._incoming  # type: ignore[attr-defined]
        incoming._IncomingMessage__processed = False
        await received.acknowledge()
        rest.set()

    async with broker.consume(QUEUE, break_the_channel_once, prefetch=4):
        for body in (b"1", b"2", b"breaks"):
            await broker.publish(DELIVERIES, KEY, Message(body=body))
        await eventually(
            lambda: set(collector.bodies) == {b"1", b"2"} and True in collector.redelivered,
            within=COMES_BACK_S,
        )


async def test_a_handler_outlives_its_connection(
    broker: RabbitBroker, own_node: BrokerNode
) -> None:
    """What it does must not be cut in the middle; its message comes again all the same."""
    begun, go_on = asyncio.Event(), asyncio.Event()
    finished: list[bool] = []

    async def work(received: Received) -> None:
        begun.set()
        await go_on.wait()
        await received.acknowledge()
        finished.append(received.redelivered)

    async with broker.consume(QUEUE, work, prefetch=2):
        await broker.publish(DELIVERIES, KEY, Message(body=b"work"))
        async with asyncio.timeout(COMES_BACK_S):
            await begun.wait()
            await own_node.close_connections()
            # Published over the next connection, so the old one is gone for certain.
            await publish_until_confirmed(broker, b"more")
            go_on.set()
        await eventually(lambda: len(finished) == 3, within=COMES_BACK_S)
    assert sorted(finished) == [False, False, True]


async def test_publishers_see_a_typed_error_when_connections_close(
    broker: RabbitBroker, own_node: BrokerNode
) -> None:
    ended = asyncio.Event()
    confirmed: Counter[int] = Counter()
    errors: list[BaseException] = []

    async def publish_on(publisher: int) -> None:
        while not ended.is_set():
            _, error = await timed(broker.publish(DELIVERIES, KEY, Message(body=b"x")))
            if error is None:
                confirmed[publisher] += 1
            else:
                errors.append(error)
            # One that fails at once must not keep the others from their turn.
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(publish_on(number)) for number in range(20)]
    await eventually(lambda: len(confirmed) == 20, within=COMES_BACK_S)
    await own_node.close_connections()
    await eventually(lambda: bool(errors), within=COMES_BACK_S)
    confirmed.clear()
    # A publisher that was cancelled by the closing connection would not be there any more.
    await eventually(lambda: len(confirmed) == 20, within=COMES_BACK_S)
    ended.set()
    await asyncio.gather(*tasks)
    assert {type(error) for error in errors} == {BrokerUnavailable}


async def test_closing_ends_publications_with_a_typed_error(broker: RabbitBroker) -> None:
    await broker.publish(DELIVERIES, KEY, Message(body=b"connects"))
    publishing = [
        asyncio.create_task(timed(broker.publish(DELIVERIES, KEY, Message(body=b"x" * 100_000))))
        for _ in range(50)
    ]
    await asyncio.sleep(0)
    await broker.close()
    outcomes = await asyncio.gather(*publishing)
    assert {type(error) for _, error in outcomes} <= {BrokerUnavailable, type(None)}


async def test_a_silent_broker_fails_every_publisher_in_time(
    broker: RabbitBroker, own_node: BrokerNode
) -> None:
    await broker.publish(DELIVERIES, KEY, Message(body=b"connects"))
    stranger = RabbitBroker(own_node.url, name="tidings-contract-late")
    await own_node.freeze()
    try:
        outcomes = await asyncio.gather(
            *(timed(broker.publish(DELIVERIES, KEY, Message(body=b"x"))) for _ in range(30)),
            *(timed(stranger.publish(DELIVERIES, KEY, Message(body=b"x"))) for _ in range(30)),
        )
    finally:
        await own_node.thaw()
    assert {type(error) for _, error in outcomes} == {BrokerUnavailable}
    assert max(seconds for seconds, _ in outcomes) < LONGEST_PUBLICATION_S
    await publish_until_confirmed(broker, b"after")
    await publish_until_confirmed(stranger, b"after")
    await stranger.close()


async def test_a_broker_that_is_nowhere_fails_at_once() -> None:
    broker = RabbitBroker("amqp://tidings:x@127.0.0.1:9/", name="tidings-contract")
    outcomes = await asyncio.gather(
        *(timed(broker.publish(DELIVERIES, KEY, Message(body=b"x"))) for _ in range(50))
    )
    assert {type(error) for _, error in outcomes} == {BrokerUnavailable}
    assert max(seconds for seconds, _ in outcomes) < 5
    await broker.close()


async def test_nothing_confirmed_is_lost_when_the_broker_dies(
    broker: RabbitBroker, own_node: BrokerNode
) -> None:
    confirmed: set[bytes] = set()
    unknown: set[bytes] = set()
    slowest = 0.0
    ended, alive = asyncio.Event(), asyncio.Event()
    alive.set()

    async def publish_on(publisher: int) -> None:
        nonlocal slowest
        number = 0
        while not ended.is_set():
            body = f"{publisher}-{number}".encode()
            number += 1
            seconds, error = await timed(broker.publish(DELIVERIES, KEY, Message(body=body)))
            slowest = max(slowest, seconds)
            assert error is None or isinstance(error, BrokerUnavailable), error
            (unknown if error else confirmed).add(body)
            if error:
                await alive.wait()

    received: set[bytes] = set()

    async def take(message: Received) -> None:
        received.add(message.message.body)
        await message.acknowledge()

    # The consumer was there before the broker died, and comes back by itself.
    async with broker.consume(QUEUE, take, prefetch=20):
        tasks = [asyncio.create_task(publish_on(number)) for number in range(20)]
        await eventually(lambda: len(confirmed) > 100, within=COMES_BACK_S)
        before = len(confirmed)
        alive.clear()
        await own_node.kill()
        await own_node.start()
        alive.set()
        await publish_until_confirmed(broker, b"restarted")
        await eventually(lambda: len(confirmed) > before + 20, within=COMES_BACK_S)
        ended.set()
        await asyncio.gather(*tasks)
        await eventually(lambda: confirmed <= received, within=COMES_BACK_S)
    assert unknown
    assert received <= confirmed | unknown | {b"restarted"}
    assert slowest < LONGEST_PUBLICATION_S


async def test_what_is_rejected_lies_with_the_dead_letters(
    broker: RabbitBroker, node: BrokerNode
) -> None:
    async def refuse(received: Received) -> None:
        await received.reject(requeue=False)

    async with broker.consume(QUEUE, refuse, prefetch=1):
        await broker.publish(
            DELIVERIES, KEY, Message(body=b"\x00bad", headers={"tidings-outbox-id": "7"})
        )
        letter = await dead_letter(node)
    assert letter.body == b"\x00bad"
    assert letter.headers["tidings-outbox-id"] == "7"


async def test_what_comes_back_too_often_lies_with_the_dead_letters(
    broker: RabbitBroker, node: BrokerNode
) -> None:
    tries = 0

    async def give_back(received: Received) -> None:
        nonlocal tries
        tries += 1
        await received.reject(requeue=True)

    async with broker.consume(QUEUE, give_back, prefetch=1):
        await broker.publish(
            DELIVERIES, KEY, Message(body=b"poison", headers={"tidings-outbox-id": "8"})
        )
        letter = await dead_letter(node)
    assert (letter.body, letter.headers["tidings-outbox-id"]) == (b"poison", "8")
    # Explicit on every version: 20 times back, on top of the first.
    assert tries == 21


async def dead_letter(node: BrokerNode) -> aio_pika.abc.AbstractIncomingMessage:
    async with await aio_pika.connect(node.url) as connection:
        channel = await connection.channel()
        queue = await channel.get_queue(DEAD_LETTERS_QUEUE)
        letter = await eventually(lambda: queue.get(fail=False), within=COMES_BACK_S)
        await letter.ack()
        return letter
