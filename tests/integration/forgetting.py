"""What every service does with the answers that it keeps for repeats: it forgets them when they are old."""

from __future__ import annotations

import asyncpg

from tests.integration.hosting import OpenService, hosted
from tests.support.eventually import eventually


async def check_old_answers_are_forgotten(
    open_service: OpenService, *, schema: str, database_url: str, redis_url: str
) -> None:
    """Runs the service over an answer that is older than a day, until it is gone."""
    connection = await asyncpg.connect(database_url)

    async def left() -> int:
        counted: int = await connection.fetchval(
            f"SELECT count(*) FROM {schema}.request_ids WHERE tenant_id = 'old'"  # noqa: S608
        )
        return counted

    async def forgotten() -> bool:
        return await left() == 0

    async with hosted(open_service, database_url=database_url, redis_url=redis_url):
        pass
    await connection.execute(
        f"INSERT INTO {schema}.request_ids"  # noqa: S608
        " VALUES ('old', 'm', 'd', 'p', 'a', now() - interval '26 hours')"
    )
    assert await left() == 1
    async with hosted(open_service, database_url=database_url, redis_url=redis_url):
        await eventually(forgotten)
    await connection.close()
