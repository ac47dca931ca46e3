"""The broker port on RabbitMQ 3.10 to 4.x: quorum queues, confirmed and mandatory publication."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from uuid import uuid4

import aio_pika
from aio_pika.abc import (
    AbstractChannel,
    AbstractConnection,
    AbstractExchange,
    AbstractIncomingMessage,
)
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, PublishError
from pamqp.common import FieldTable

from libs.messaging.broker import BrokerUnavailable, Handler, Message, Unroutable
from libs.messaging.topology import BINDINGS, DEAD_LETTERS, DEAD_LETTERS_QUEUE, Binding
from libs.runtime.cancellation import end_if_cancelled
from libs.telemetry.logs import kind_of

_log = logging.getLogger(__name__)

_CONNECT_SECONDS = 10.0
_CONFIRM_SECONDS = 5.0
_CLOSE_SECONDS = 1.0
# A broker that fell silent is given up after three of them.
_HEARTBEAT_SECONDS = 10
_SHORTEST_PAUSE_S = 0.1
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


@dataclass(frozen=True, slots=True)
class _Link:
    """A connection on which the topology is declared, with a channel for publishing."""

    connection: AbstractConnection
    publishing: AbstractChannel
    exchanges: dict[str, AbstractExchange]

    def is_live(self) -> bool:
        """A channel can break alone; the connection then goes with it and all is made anew."""
        return not (self.connection.is_closed or self.publishing.is_closed)


class RabbitBroker:
    """One connection, made again when it breaks. While it is away publishing fails within seconds
    and consumers wait; nothing is buffered here."""

    system = "rabbitmq"

    def __init__(self, url: str, *, name: str, bindings: Iterable[Binding] = BINDINGS) -> None:
        self._url = url
        self._name = name
        self._bindings = tuple(bindings)
        self._opening: asyncio.Task[_Link] | None = None

    async def close(self) -> None:
        """Closes the connection."""
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.cancel()
            await asyncio.wait([opening])
            await _close(_result(opening))

    async def publish(self, exchange: str, routing_key: str, message: Message) -> None:
        """Returns when a quorum has the message; see `Broker.publish`."""
        try:
            with _cancelled_by_us():
                link = await self._connect()
                await link.exchanges[exchange].publish(
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
        except Exception as error:
            # Most have types of their own, but a connection that closes may also raise a bare one.
            raise BrokerUnavailable(f"{exchange}:{routing_key}: {error!r}") from error

    @asynccontextmanager
    async def consume(self, queue: str, handler: Handler, *, prefetch: int) -> AsyncIterator[None]:
        """Consumes, again and again when the channel breaks; see `Broker.consume`."""
        hands = _Hands(handler, prefetch)
        consumer = asyncio.create_task(self._consume(queue, hands, prefetch))
        try:
            yield
        finally:
            # First the handlers, then the channel, whose end puts back what is unsettled.
            await hands.drop()
            consumer.cancel()
            await asyncio.wait([consumer])

    async def _consume(self, queue: str, hands: _Hands, prefetch: int) -> None:
        pause = _SHORTEST_PAUSE_S
        while True:
            try:
                with _cancelled_by_us():
                    link = await self._connect()
                    async with AsyncExitStack() as stack:
                        channel = await link.connection.channel()
                        stack.push_async_callback(_close, channel)
                        await channel.set_qos(prefetch_count=prefetch)
                        source = await channel.get_queue(queue)
                        await source.consume(hands.take)
                        pause = _SHORTEST_PAUSE_S
                        await channel.closed()
            except Exception as error:  # noqa: BLE001 - whatever it was, the consumer comes back
                _log.warning("consumer_lost", extra={"queue": queue, "why": kind_of(error)})
            end_if_cancelled()
            await asyncio.sleep(random.uniform(0, pause))
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    async def _connect(self) -> _Link:
        """Returns the live connection. Who comes while it is being made shares that attempt, and
        its failure: a crowd does not wait longer than one."""
        opening = self._opening
        if opening is None or (opening.done() and not _is_live(opening)):
            opening = asyncio.create_task(self._open(_result(opening)))
            # Its waiters may all have gone when it fails.
            opening.add_done_callback(_result)
            self._opening = opening
        return await asyncio.shield(opening)

    async def _open(self, old: _Link | None) -> _Link:
        await _close(old)
        async with asyncio.timeout(_CONNECT_SECONDS):
            connection = await aio_pika.connect(
                self._url,
                client_properties={"connection_name": self._name},
                heartbeat=_HEARTBEAT_SECONDS,
            )
            try:
                # Without on_return_raises an unroutable message looks published.
                channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
                return _Link(connection, channel, await _declare(channel, self._bindings))
            except BaseException:
                await _close(connection)
                raise


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
        with suppress(*_BROKEN), _cancelled_by_us():
            await self._incoming.ack()

    async def reject(self, *, requeue: bool) -> None:
        with suppress(*_BROKEN), _cancelled_by_us():
            await self._incoming.reject(requeue=requeue)


class _Hands:
    """The handlers of one consumer. They run beside the channel, which would cancel them in the
    middle of their work when it breaks; over all its channels there are at most `prefetch`."""

    def __init__(self, handler: Handler, prefetch: int) -> None:
        self._handler = handler
        self._free = asyncio.Semaphore(prefetch)
        self._running: set[asyncio.Task[None]] = set()
        self._dropped = False

    async def take(self, incoming: AbstractIncomingMessage) -> None:
        """Begins to handle a message."""
        if not self._dropped:
            task = asyncio.create_task(self._handle(_Received(incoming)))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def drop(self) -> None:
        """Ends all handlers; what they had in hand stays unsettled."""
        self._dropped = True
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _handle(self, received: _Received) -> None:
        async with self._free:
            try:
                await self._handler(received)
            except Exception:  # noqa: BLE001 - the rim of the consumer
                _log.exception("handler_failed")
                # What made it fail may take a moment to pass.
                await asyncio.sleep(_PAUSE_AFTER_FAILURE_S)
                await received.reject(requeue=True)


@contextmanager
def _cancelled_by_us() -> Iterator[None]:
    """Tells a cancellation of this task from one that a closing connection leaves in its futures:
    that must not pass for the wish of whoever called us."""
    try:
        yield
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise ConnectionError("the connection was closed") from None


def _result(opening: asyncio.Task[_Link] | None) -> _Link | None:
    if opening is None or opening.cancelled() or opening.exception() is not None:
        return None
    return opening.result()


def _is_live(opening: asyncio.Task[_Link]) -> bool:
    link = _result(opening)
    return link is not None and link.is_live()


async def _declare(
    channel: AbstractChannel, bindings: Iterable[Binding]
) -> dict[str, AbstractExchange]:
    exchanges: dict[str, AbstractExchange] = {}
    dead = await channel.declare_exchange(DEAD_LETTERS, "fanout", durable=True)
    graveyard = await channel.declare_queue(
        DEAD_LETTERS_QUEUE, durable=True, arguments={"x-queue-type": "quorum"}
    )
    await graveyard.bind(dead)
    for binding in bindings:
        if binding.exchange not in exchanges:
            exchanges[binding.exchange] = await channel.declare_exchange(
                binding.exchange, "topic", durable=True
            )
        queue = await channel.declare_queue(binding.queue, durable=True, arguments=_WORK_QUEUE)
        await queue.bind(exchanges[binding.exchange], binding.routing_key)
    return exchanges


async def _close(open_one: AbstractConnection | AbstractChannel | _Link | None) -> None:
    if isinstance(open_one, _Link):
        open_one = open_one.connection
    if open_one is not None:
        # Saying goodbye to a broker that does not listen may take for ever.
        with suppress(*_BROKEN), _cancelled_by_us():
            async with asyncio.timeout(_CLOSE_SECONDS):
                await open_one.close()
