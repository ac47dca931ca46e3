"""Brokers for the contract suite: RabbitMQ once per run, and only when a test asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aio_pika
import pytest

from libs.messaging.broker import Message
from libs.messaging.rabbitmq import RabbitBroker
from libs.messaging.topology import BINDINGS, DEAD_LETTERS_QUEUE, DELIVERIES
from tests.support.rabbitmq import BrokerNode, open_broker_node


@pytest.fixture(scope="session")
async def running_node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BrokerNode]:
    async with open_broker_node(tmp_path_factory.mktemp("rabbitmq")) as opened:
        # The first to publish declares the queues.
        broker = RabbitBroker(opened.url, name="tidings-contract")
        await broker.publish(DELIVERIES, "email.low", Message(body=b"first"))
        await broker.close()
        yield opened


@pytest.fixture
async def node(running_node: BrokerNode) -> BrokerNode:
    """The node, with nothing in its queues."""
    async with await aio_pika.connect(running_node.url) as connection:
        channel = await connection.channel()
        for name in {DEAD_LETTERS_QUEUE, *(binding.queue for binding in BINDINGS)}:
            await (await channel.get_queue(name, ensure=False)).purge()
    return running_node


@pytest.fixture
async def own_node(node: BrokerNode) -> BrokerNode:
    """The node, where it may be killed."""
    if not node.ours:
        pytest.skip("the broker of TIDINGS_TEST_AMQP_URL is not ours to harm")
    return node
