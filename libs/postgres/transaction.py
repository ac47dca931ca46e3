"""Transactions that are repeated when PostgreSQL asks for it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from libs.postgres.away import database
from libs.postgres.pool import Pool

# Generic for type checkers only.
Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
Result = TypeVar("Result")

_ATTEMPTS = 5


async def in_transaction(pool: Pool, work: Callable[[Connection], Awaitable[Result]]) -> Result:
    """Runs `work` in one transaction; a deadlock (40P01) or a serialization failure (40001) repeats it.

    Raises DependencyUnavailable while the database is away; what was under way may be committed.
    """

    async def attempt() -> Result:
        async with pool.acquire() as connection, connection.transaction():
            return await work(connection)

    return await _repeated(attempt)


async def in_statement(pool: Pool, sql: str, *arguments: object) -> list[asyncpg.Record]:
    """Runs one statement, which is a transaction by itself and spares the words around one, and returns
    its rows; else as `in_transaction`."""
    return await _repeated(lambda: pool.fetch(sql, *arguments))


async def _repeated(attempt: Callable[[], Awaitable[Result]]) -> Result:
    for number in range(1, _ATTEMPTS):
        try:
            with database():
                return await attempt()
        except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError):
            await asyncio.sleep(random.uniform(0, 0.01 * 2**number))
    with database():
        return await attempt()
