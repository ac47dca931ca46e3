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
async def open_pool(url: str, *, application: str, max_size: int = 8) -> AsyncIterator[Pool]:
    """Opens a pool whose connections name themselves and give up on a statement after 30 s."""
    pool = await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=max_size,
        command_timeout=30,
        server_settings={"application_name": f"tidings-{application}", "timezone": "UTC"},
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
