"""Connection pools."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import asyncpg

# Generic for type checkers only.
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


@asynccontextmanager
async def open_pool(url: str, *, application: str, max_size: int = 8) -> AsyncIterator[Pool]:
    """Opens a pool whose connections name themselves and give up on a statement after 30 s."""
    async with asyncpg.create_pool(
        url,
        min_size=1,
        max_size=max_size,
        command_timeout=30,
        server_settings={"application_name": f"tidings-{application}", "timezone": "UTC"},
    ) as pool:
        yield pool
