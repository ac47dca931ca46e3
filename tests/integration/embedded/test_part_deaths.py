"""A process that is killed comes back, at the same address and with what it had promised."""

from __future__ import annotations

import asyncio
import os
import signal

import asyncpg
import pytest

from libs.embedded.parts import Parts
from tests.integration.embedded.clients import answers, pings, run
from tests.integration.embedded.processes import is_gone, with_descendants
from tests.support.eventually import eventually

#: About a second is the promise; a loaded machine may take longer.
BACK_WITHIN = 5.0


async def _kill(parts: Parts, name: str) -> set[int]:
    """Kill a part and wait until its process is gone; give its whole family."""
    pid = parts.process_ids[name]
    family = with_descendants(pid)
    os.kill(pid, signal.SIGKILL)
    await eventually(lambda: is_gone(pid), f"{name} is gone")
    return family


async def test_a_killed_postmaster_comes_back_with_its_rows(parts: Parts) -> None:
    await run(parts.database_url, "CREATE TABLE kept AS SELECT 7 AS number")

    before = await _kill(parts, "postgres")

    await eventually(lambda: answers(parts.database_url), "postgres is back", within=BACK_WITHIN)
    assert await run(parts.database_url, "SELECT number FROM kept") == 7
    assert all(is_gone(pid) for pid in before)


async def test_a_backend_that_never_pauses_does_not_bar_the_way(parts: Parts) -> None:
    connection = await asyncpg.connect(parts.database_url)
    busy = await connection.fetchval("SELECT pg_backend_pid()")
    spinning = asyncio.create_task(connection.execute("DO 'BEGIN LOOP END LOOP; END'"))
    looks = "SELECT state = 'active' FROM pg_stat_activity WHERE pid = "

    async def spins() -> bool:
        return bool(await run(parts.database_url, f"{looks}{busy}"))

    await eventually(spins, "the backend is busy")
    await _kill(parts, "postgres")

    await eventually(lambda: answers(parts.database_url), "postgres is back", within=BACK_WITHIN)
    assert is_gone(busy)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await spinning
    connection.terminate()


async def test_a_killed_valkey_comes_back(parts: Parts) -> None:
    await _kill(parts, "valkey")

    await eventually(lambda: pings(parts.redis_url), "valkey is back", within=BACK_WITHIN)


async def test_a_killed_supervisor_is_replaced_and_its_parts_do_not_outlive_it(
    parts: Parts,
) -> None:
    addresses = (parts.database_url, parts.redis_url)
    before = await _kill(parts, "supervisor")

    await eventually(lambda: all(map(is_gone, before)), "nothing outlives the supervisor")
    await eventually(lambda: answers(addresses[0]), "postgres is back", within=BACK_WITHIN)
    await eventually(lambda: pings(addresses[1]), "valkey is back", within=BACK_WITHIN)
    assert (parts.database_url, parts.redis_url) == addresses
