"""The signing key of a cluster: one, however many processes start."""

from __future__ import annotations

import asyncio

import asyncpg

from tests.integration.access.running import running_access
from tidings.access.v1.access_service_pb2 import GetJsonWebKeySetRequest
from tidings.access.v1.access_service_pb2_grpc import AccessServiceStub


async def test_processes_that_start_at_once_agree_on_one_signing_key(database_url: str) -> None:
    async def published() -> str:
        async with running_access(database_url) as running:
            access = AccessServiceStub(running.public)
            return (await access.GetJsonWebKeySet(GetJsonWebKeySetRequest())).json_web_key_set

    documents = await asyncio.gather(*(published() for _ in range(4)))
    connection = await asyncpg.connect(database_url)
    stored = await connection.fetchval("SELECT count(*) FROM access.signing_keys")
    await connection.close()
    assert stored == 1
    assert len(set(documents)) == 1
    # A later start finds the same key, so tokens outlive a restart.
    assert await published() == documents[0]
