"""A mutation that would show if it ran twice; as a program it is carried out once, by a process of its own."""

from __future__ import annotations

import asyncio
import sys

from libs.cluster_secret import ClusterSecrets
from libs.idempotency import RequestIds
from libs.postgres.pool import Pool, open_pool
from libs.postgres.transaction import Connection
from tests.integration.hosting import CLUSTER_SECRETS
from tidings.access.v1.access_service_pb2 import CreateApiKeyRequest, CreateApiKeyResponse


async def make(
    pool: Pool,
    request_id: str = "a1",
    *,
    name: str = "thing",
    tenant_id: str = "acme",
    secrets: ClusterSecrets = CLUSTER_SECRETS,
) -> str:
    """Makes a thing and returns its secret."""

    async def work(connection: Connection) -> CreateApiKeyResponse:
        number = await connection.fetchval(
            "INSERT INTO kept.things (name) VALUES ($1) RETURNING thing_id", name
        )
        return CreateApiKeyResponse(secret=f"secret-{number}")

    request = CreateApiKeyRequest(display_name=name, request_id=request_id)
    request_ids = RequestIds(pool, schema="kept", secrets=secrets)
    answer = await request_ids.once(tenant_id, request, CreateApiKeyResponse, work)
    return answer.secret


async def _main(database_url: str) -> None:
    async with open_pool(database_url, application="test") as pool:
        await make(pool)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
