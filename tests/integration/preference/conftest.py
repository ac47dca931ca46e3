"""preference, hosted once for each module."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from services.preference.wiring import open_service
from tests.integration.hosting import Hosted, hosted
from tests.integration.preference.api import Api


@pytest.fixture(scope="module")
async def running(database_url: str, redis_url: str) -> AsyncIterator[Hosted]:
    async with hosted(open_service, database_url=database_url, redis_url=redis_url) as opened:
        yield opened


@pytest.fixture
def api(running: Hosted) -> Api:
    """A tenant of its own."""
    return Api(running, f"tenant-{uuid4().hex[:8]}")
