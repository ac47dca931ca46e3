"""The broker port on RabbitMQ 3.10 to 4.x: quorum queues, confirmed and mandatory publication."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from uuid import uuid4

import aio_pika
from aio_pika.abc import (
    AbstractChannel,
    AbstractConnection,
    AbstractExchange,
    AbstractIncomingMessage,
)
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, DeliveryError, PublishError
from pamqp.common import FieldTable

from libs.messaging.broker import BrokerUnavailable, Handler, Message, Unroutable
from libs.messaging.topology import BINDINGS, DEAD_LETTERS, DEAD_LETTERS_QUEUE

_log = logging.getLogger(__name__)

_CONNECT_SECONDS = 5.0
_CONFIRM_SECONDS = 5.0
_LONGEST_PAUSE_S = 5.0
_PAUSE_AFTER_FAILURE_S = 0.2
# A process that dies returns all it had in hand, so innocents are counted with the poison.
_DELIVERY_LIMIT = 20
_BROKEN = (
    AMQPError,
    ChannelInvalidStateError,
    ConnectionError,
    OSError,
    RuntimeError,
    TimeoutError,
)
_WORK_QUEUE: FieldTable = {
    "x-queue-type": "quorum",
    # Explicit, since the default differs between 3.x (none) and 4.x (20).
    "x-delivery-limit": _DELIVERY_LIMIT,
    "x-dead-letter-exchange": DEAD_LETTERS,
    # At least once needs this overflow; with another it silently falls back to at most once.
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",
}


class RabbitBroker:
    """One connection, made again when it breaks. While it is away publishing fails at once and
    consumers wait; nothing is buffered here."""

    def __init__(self, url: str, *, name: str) -> None:
        self._url = url
        self._name = name
        self._connecting = asyncio.Lock()
        self._connection: AbstractConnection | None = None
        self._publishing: AbstractChannel | None = None
        self._exchanges: dict[str, AbstractExchange] = {}

    async def close(self) -> None:
        """Closes the connection."""
        if self._connection is not None:
            with suppress(*_BROKEN):
                await self._connection.close()

    async def publish(self, exchange: str, routing_key: str, message: Message) -> None:
        """Returns when a quorum has the message; see `Broker.publish`."""
        try:
            await self._connect()
            await self._exchanges[exchange].publish(
                aio_pika.Message(
                    body=message.body,
                    headers=dict(message.headers),
                    delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                    # Unique per attempt: returned messages are told apart by it.
                    message_id=str(uuid4()),
                ),
                routing_key,
                mandatory=True,
                timeout=_CONFIRM_SECONDS,
            )
        except PublishError as error:
            raise Unroutable(f"{exchange}:{routing_key}") from error
        except (DeliveryError, *_BROKEN) as error:
            raise BrokerUnavailable(f"{exchange}:{routing_key}: {error!r}") from error

    @asynccontextmanager
    async def consume(self, queue: str, handler: Handler, *, prefetch: int) -> AsyncIterator[None]:
        """Consumes, again and again when the channel breaks; see `Broker.consume`."""
        consumer = asyncio.create_task(self._consume(queue, handler, prefetch))
        try:
            yield
        finally:
            consumer.cancel()
            with suppress(asyncio.CancelledError):
                await consumer

    async def _consume(self, queue: str, handler: Handler, prefetch: int) -> None:
        pause = 0.1
        while True:
            try:
                connection = await self._connect()
                async with AsyncExitStack() as stack:
                    channel = await connection.channel()
                    stack.push_async_callback(_close, channel)
                    await channel.set_qos(prefetch_count=prefetch)
                    source = await channel.get_queue(queue)
                    await source.consume(_settling(handler))
                    pause = 0.1
                    await channel.closed()
            except _BROKEN as error:
                _log.warning("consumer_lost", extra={"queue": queue, "why": repr(error)})
            await asyncio.sleep(random.uniform(0, pause))
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    async def _connect(self) -> AbstractConnection:
        """Returns the live connection, with the topology declared on it."""
        async with self._connecting:
            if self._connection is not None and self._is_live():
                return self._connection
            await self.close()
            connection = await aio_pika.connect(
                self._url,
                timeout=_CONNECT_SECONDS,
                client_properties={"connection_name": self._name},
            )
            # Without on_return_raises an unroutable message looks published.
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            self._exchanges = await _declare(channel)
            self._connection, self._publishing = connection, channel
            return connection

    def _is_live(self) -> bool:
        """A channel can break alone; the connection then goes with it and all is made anew."""
        return not (
            self._connection is None
            or self._connection.is_closed
            or self._publishing is None
            or self._publishing.is_closed
        )


class _Received:
    def __init__(self, incoming: AbstractIncomingMessage) -> None:
        self._incoming = incoming
        headers = {key: str(value) for key, value in incoming.headers.items()}
        self._message = Message(body=incoming.body, headers=headers)

    @property
    def message(self) -> Message:
        return self._message

    @property
    def redelivered(self) -> bool:
        return bool(self._incoming.redelivered)

    async def acknowledge(self) -> None:
        # On a dead channel the broker has already put the message back.
        with suppress(*_BROKEN):
            await self._incoming.ack()

    async def reject(self, *, requeue: bool) -> None:
        with suppress(*_BROKEN):
            await self._incoming.reject(requeue=requeue)


def _settling(handler: Handler) -> Callable[[AbstractIncomingMessage], Awaitable[None]]:
    async def handle(incoming: AbstractIncomingMessage) -> None:
        received = _Received(incoming)
        try:
            await handler(received)
        except Exception:  # noqa: BLE001 - the rim of the consumer
            _log.exception("handler_failed")
            # What made it fail may take a moment to pass.
            await asyncio.sleep(_PAUSE_AFTER_FAILURE_S)
            await received.reject(requeue=True)

    return handle


async def _declare(channel: AbstractChannel) -> dict[str, AbstractExchange]:
    exchanges: dict[str, AbstractExchange] = {}
    dead = await channel.declare_exchange(DEAD_LETTERS, "fanout", durable=True)
    graveyard = await channel.declare_queue(
        DEAD_LETTERS_QUEUE, durable=True, arguments={"x-queue-type": "quorum"}
    )
    await graveyard.bind(dead)
    for binding in BINDINGS:
        if binding.exchange not in exchanges:
            exchanges[binding.exchange] = await channel.declare_exchange(
                binding.exchange, "topic", durable=True
            )
        queue = await channel.declare_queue(binding.queue, durable=True, arguments=_WORK_QUEUE)
        await queue.bind(exchanges[binding.exchange], binding.routing_key)
    return exchanges


async def _close(channel: AbstractChannel) -> None:
    with suppress(*_BROKEN):
        await channel.close()
