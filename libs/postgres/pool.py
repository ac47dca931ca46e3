"""Connection pools."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import asyncpg

# Generic for type checkers only.
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


_CLOSE_SECONDS = 5.0


async def _keep(connection: object) -> None:
    """Nothing here changes a session; asyncpg ends a transaction that was left open by itself. Its own way
    of making sure costs a round trip for each statement."""


@asynccontextmanager
async def open_pool(
    url: str, *, application: str, max_size: int = 8, partitioned: bool = False
) -> AsyncIterator[Pool]:
    """Opens a pool whose connections name themselves and give up on a statement after 30 s.

    `partitioned`: a statement on many partitions is planned once and not each time, which costs as much
    as it does.
    """
    settings = {
        "application_name": f"tidings-{application}",
        "timezone": "UTC",
        # Every statement has its index; a plan made while a table was still empty would scan it for good.
        "enable_seqscan": "off",
        # Compiling short statements costs a thousand times what they take, and a plan that must scan after
        # all looks dear enough to be compiled.
        "jit": "off",
    }
    if partitioned:
        settings["plan_cache_mode"] = "force_generic_plan"
    pool = await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=max_size,
        command_timeout=30,
        server_settings=settings,
        reset=_keep,
    )
    try:
        yield pool
    finally:
        # Closing waits for connections in use; whoever still has one has had its time.
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await pool.close()
        except TimeoutError:
            pool.terminate()
