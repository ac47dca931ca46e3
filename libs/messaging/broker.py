"""The broker port. Ingestion and dispatch publish and consume through it.

What must hold for every implementation: a message whose `publish` returned reaches each bound
queue at least once unless the broker's memory is lost; a message that is neither acknowledged
nor rejected is delivered again when its consumer goes; order is not promised.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol


class BrokerUnavailable(Exception):
    """The broker did not confirm; the message may or may not have arrived."""


class Unroutable(Exception):
    """No queue is bound for the routing key; the message was not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What travels: a body, and headers that can be read without it."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Received(Protocol):
    """A message in a consumer's hands; settle it exactly once."""

    @property
    def message(self) -> Message:
        """The message."""

    @property
    def redelivered(self) -> bool:
        """Whether it was handed out before."""

    async def acknowledge(self) -> None:
        """Says that it is taken care of."""

    async def reject(self, *, requeue: bool) -> None:
        """Gives it back to its queue, or to the dead letters."""


Handler = Callable[[Received], Awaitable[None]]


class Broker(Protocol):
    """Publishes with confirmation and consumes with a bound on what is in hand."""

    system: str
    """What it is, as spans say it: `rabbitmq`."""

    async def publish(self, exchange: str, routing_key: str, message: Message) -> None:
        """Returns when the broker has taken responsibility.

        Raises BrokerUnavailable when it does not confirm in time, Unroutable when no queue is bound.
        """

    def consume(
        self, queue: str, handler: Handler, *, prefetch: int
    ) -> AbstractAsyncContextManager[None]:
        """Hands the queue's messages to `handler`, at most `prefetch` unsettled at a time.

        A handler that raises has its message put back. Leaving the context stops the consumer and
        puts back what is unsettled.
        """
