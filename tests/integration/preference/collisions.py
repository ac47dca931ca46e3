"""Makes writers collide: all have begun, and wait for one row, before the first may go on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import asyncpg

from tests.support.eventually import eventually

_WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'tidings-preference' AND wait_event_type = 'Lock'
"""


async def collide(
    database_url: str,
    table: str,
    tenant_id: str,
    writers: Sequence[Coroutine[Any, Any, Any]],
    *,
    change: str = "",
) -> list[Any]:
    """Runs the writers against the tenant's rows of a table; returns their answers and errors.

    `change` is a statement about the tenant ($1) that has been made by the time the first of them goes on.
    """
    holder, observer = await asyncpg.connect(database_url), await asyncpg.connect(database_url)

    async def all_wait() -> bool:
        return bool(await observer.fetchval(_WAITING) == len(writers))

    try:
        async with holder.transaction():
            await holder.execute(
                f"SELECT FROM preference.{table} WHERE tenant_id = $1 FOR UPDATE",
                tenant_id,
            )
            if change:
                await holder.execute(change, tenant_id)
            tasks = [asyncio.create_task(writer) for writer in writers]
            await eventually(all_wait)
        return await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        await holder.close()
        await observer.close()
