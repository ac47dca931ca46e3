"""tracking on real servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from uuid import uuid4

import asyncpg
import grpc
import pytest

from services.tracking.wiring import open_service
from tests.integration.hosting import Hosted, hosted

HostTracking = Callable[..., AbstractAsyncContextManager[Hosted]]


@pytest.fixture(scope="module")
async def nobody() -> AsyncIterator[grpc.aio.Channel]:
    """A channel to where nobody listens."""
    async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
        yield channel


@pytest.fixture(scope="module")
async def host_tracking(
    database_url: str, redis_url: str, nobody: grpc.aio.Channel
) -> HostTracking:
    """Starts another tracking over the module's database; takes `environ`, `broker` and `peer`."""
    return partial(
        hosted,
        open_service,
        database_url=database_url,
        redis_url=redis_url,
        peer=lambda service: nobody,
    )


@pytest.fixture(scope="module")
async def tracking(host_tracking: HostTracking) -> AsyncIterator[Hosted]:
    """A tracking with its default settings."""
    async with host_tracking() as running:
        yield running


@pytest.fixture
async def database(database_url: str, tracking: Hosted) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the module's database, with tracking's tables in it."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
def tenant() -> str:
    """A tenant whom nobody else knows."""
    return f"t-{uuid4().hex[:8]}"
