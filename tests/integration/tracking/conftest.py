"""tracking on real servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from uuid import uuid4

import asyncpg
import pytest

from services.tracking.wiring import open_service
from tests.integration.hosting import Hosted, hosted

HostTracking = Callable[..., AbstractAsyncContextManager[Hosted]]


@pytest.fixture(scope="module")
async def host_tracking(database_url: str, redis_url: str) -> HostTracking:
    """Starts another tracking over the module's database; takes `environ` and `broker`."""
    return partial(hosted, open_service, database_url=database_url, redis_url=redis_url)


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
