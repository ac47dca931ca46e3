"""inbox on real servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from uuid import uuid4

import asyncpg
import pytest

from services.inbox.wiring import open_service
from tests.integration.hosting import Hosted, hosted

HostInbox = Callable[..., AbstractAsyncContextManager[Hosted]]


@pytest.fixture(scope="module")
async def host_inbox(database_url: str, redis_url: str) -> HostInbox:
    """Starts another inbox over the module's database; takes `environ`."""
    return partial(hosted, open_service, database_url=database_url, redis_url=redis_url)


@pytest.fixture(scope="module")
async def inbox(host_inbox: HostInbox) -> AsyncIterator[Hosted]:
    """An inbox with its default settings."""
    async with host_inbox() as running:
        yield running


@pytest.fixture
async def database(database_url: str, inbox: Hosted) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the module's database, with inbox's tables in it."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
def alice() -> str:
    """A recipient whom nobody else knows."""
    return f"alice-{uuid4().hex[:8]}"
