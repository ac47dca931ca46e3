"""The shortest ways into PostgreSQL and Valkey."""

from __future__ import annotations

from typing import Any

import asyncpg
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError


async def run(url: str, statement: str) -> Any:
    """Run one statement on a connection of its own and give its first value."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def answers(url: str) -> bool:
    """Whether PostgreSQL takes a statement now."""
    try:
        return bool(await run(url, "SELECT true"))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False


async def pings(url: str) -> bool:
    """Whether Valkey answers now."""
    client = Redis.from_url(url, retry=Retry(NoBackoff(), retries=0))
    try:
        return bool(await client.ping())
    except (OSError, RedisError):
        return False
    finally:
        await client.aclose()
