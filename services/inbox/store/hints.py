"""The hint channel on Redis: told to all processes, kept by none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from services.inbox.domain.hints import Hint
from services.inbox.wire.hints import hint_from_payload, hint_to_payload

CHANNEL = "tidings:inbox:hints"
AWAY = (RedisError, OSError)
"""What is raised when Redis does not answer."""
_SILENCE_S = 5.0
_PATIENCE_S = 5.0


class HintChannel:
    """Publishes and receives hints."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def publish(self, hint: Hint) -> None:
        """Tells a hint to whoever listens now."""
        await self._redis.publish(CHANNEL, hint_to_payload(hint))

    async def listen(self) -> AsyncGenerator[Hint | None, None]:
        """Yields hints, and None each time Redis confirms the subscription: before it, all may be lost.

        Raises one of `AWAY` as soon as Redis is known to be away.
        """
        async with self._subscription() as subscription:
            async with asyncio.timeout(_PATIENCE_S):
                await subscription.subscribe(CHANNEL)
            pinged = False
            while True:
                message = await subscription.get_message(timeout=_SILENCE_S)
                if message is None:
                    if pinged:
                        raise TimeoutError("Redis does not answer")
                    # A connection whose other end vanished would else be listened to for ever.
                    async with asyncio.timeout(_PATIENCE_S):
                        await subscription.ping()
                    pinged = True
                    continue
                pinged = False
                if message["type"] == "subscribe":
                    yield None
                elif message["type"] == "message":
                    hint = hint_from_payload(message["data"])
                    if hint is not None:
                        yield hint

    @asynccontextmanager
    async def _subscription(self) -> AsyncIterator[PubSub]:
        """Opens a connection of its own, which fails at once instead of trying again in silence."""
        shared = self._redis.connection_pool
        options: dict[str, Any] = {**shared.connection_kwargs, "retry": Retry(NoBackoff(), 0)}
        pool = ConnectionPool(connection_class=shared.connection_class, **options)
        async with Redis.from_pool(pool) as redis, redis.pubsub() as subscription:
            yield subscription
