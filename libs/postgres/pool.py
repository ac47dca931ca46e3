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


@asynccontextmanager
async def open_pool(
    url: str, *, application: str, max_size: int = 8, partitioned: bool = False
) -> AsyncIterator[Pool]:
    """Opens a pool whose connections name themselves and give up on a statement after 30 s.

    `partitioned`: a statement on many partitions is planned once and not each time, which costs as much
    as it does, and by index, since a plan made for a partition that is still empty would scan a full one.
    """
    settings = {"application_name": f"tidings-{application}", "timezone": "UTC"}
    if partitioned:
        settings |= {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off"}
    pool = await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=max_size,
        command_timeout=30,
        server_settings=settings,
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
