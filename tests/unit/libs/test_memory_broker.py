"""The in-process broker, beyond what its contract asks of every broker."""

from __future__ import annotations

import asyncio

from libs.messaging.broker import Message, Received
from libs.messaging.memory import MemoryBroker
from libs.messaging.topology import DELIVERIES, delivery_queue


async def test_a_handler_whose_clean_up_fails_does_not_keep_the_consumer() -> None:
    broker = MemoryBroker()
    handling = asyncio.Event()

    async def handle(received: Received) -> None:
        first = not handling.is_set()
        handling.set()
        try:
            await asyncio.Event().wait()
        finally:
            if first:
                raise ConnectionError("the rollback failed")

    async def consume() -> None:
        async with broker.consume(delivery_queue("email", "low"), handle, prefetch=1):
            await broker.publish(DELIVERIES, "email.low", Message(body=b"work"))
            await handling.wait()

    # Not by a timeout: a TaskGroup that is aborting does not hear it.
    _, going_on = await asyncio.wait([asyncio.create_task(consume())], timeout=5)
    assert not going_on
