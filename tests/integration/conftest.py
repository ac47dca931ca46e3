"""Real parts for the integration tests: started once, a fresh database for each module."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from libs.embedded.create_database import create_database
from libs.embedded.data_directory import open_data_directory
from libs.embedded.parts import Parts, open_parts


@pytest.fixture(scope="session")
async def session_parts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Parts]:
    """PostgreSQL and Valkey for the whole session."""
    path = tmp_path_factory.mktemp("parts")
    async with open_data_directory(path) as directory, open_parts(directory) as opened:
        yield opened


@pytest.fixture(scope="module")
async def database_url(session_parts: Parts) -> str:
    """Address of an empty database that this module has to itself."""
    server, _, _ = session_parts.database_url.rpartition("/")
    url = f"{server}/test_{uuid4().hex}"
    await create_database(url)
    return url


@pytest.fixture(scope="session")
def redis_url(session_parts: Parts) -> str:
    """Address of Valkey."""
    return session_parts.redis_url
