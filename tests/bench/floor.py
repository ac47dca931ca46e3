"""The bare floor: one row inserted and updated per notification, in batches, and nothing else."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import Awaitable, Callable

import asyncpg

from libs.clock import SystemClock, mint_uuid7

_BATCH = 200
_CONNECTIONS = 4
_SCHEMA = """
DROP TABLE IF EXISTS public.floor;
CREATE TABLE public.floor (
    id uuid PRIMARY KEY,
    tenant text NOT NULL,
    recipient text NOT NULL,
    category text NOT NULL,
    body bytea NOT NULL,
    request_id uuid NOT NULL,
    state smallint NOT NULL,
    attempts integer NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now(),
    due_time timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON public.floor (tenant, recipient, create_time);
CREATE INDEX ON public.floor (create_time) WHERE state = 0;
CREATE UNIQUE INDEX ON public.floor (tenant, request_id);
"""
_INSERT = """
INSERT INTO public.floor (id, tenant, recipient, category, body, request_id, state, attempts)
SELECT id, 't', 'r', 'order.shipped', $3, request_id, 0, 0
FROM unnest($1::uuid[], $2::uuid[]) AS new (id, request_id)
"""
_UPDATE = """
UPDATE public.floor SET state = 1, attempts = 1 FROM unnest($1::uuid[]) AS done (id)
WHERE floor.id = done.id
"""


async def measure_floor(database_url: str, *, rows: int) -> float:
    """Returns rows per second, of which each is inserted once and updated once, durably."""
    pool = await asyncpg.create_pool(database_url, min_size=_CONNECTIONS, max_size=_CONNECTIONS)
    async with pool:
        await pool.execute(_SCHEMA)
        clock, body = SystemClock(), os.urandom(300)
        batches = [[mint_uuid7(clock.now()) for _ in range(_BATCH)] for _ in range(rows // _BATCH)]
        begun = time.perf_counter()
        await _spread(
            batches, lambda ids: pool.execute(_INSERT, ids, [uuid.uuid4() for _ in ids], body)
        )
        await _spread(batches, lambda ids: pool.execute(_UPDATE, ids))
        took = time.perf_counter() - begun
        await pool.execute("DROP TABLE public.floor")
    return len(batches) * _BATCH / took


async def _spread(
    batches: list[list[uuid.UUID]], statement: Callable[[list[uuid.UUID]], Awaitable[object]]
) -> None:
    """Runs a statement for each batch, as many at once as there are connections."""
    waiting = iter(batches)

    async def worker() -> None:
        for ids in waiting:
            await statement(ids)

    await asyncio.gather(*(worker() for _ in range(_CONNECTIONS)))
