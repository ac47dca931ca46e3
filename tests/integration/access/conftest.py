"""A running access, its public service, and a key for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from tests.integration.access.running import Running, running_access, tenant_admin
from tidings.access.v1.access_service_pb2_grpc import AccessServiceStub

if TYPE_CHECKING:
    from tidings.access.v1.access_service_pb2_grpc import AccessServiceAsyncStub


@pytest.fixture(scope="module")
async def running(database_url: str) -> AsyncIterator[Running]:
    """One access for the tests of a module."""
    async with running_access(database_url) as access:
        yield access


@pytest.fixture
def access(running: Running) -> AccessServiceAsyncStub:
    """The public service."""
    return AccessServiceStub(running.public)


@pytest.fixture(scope="module")
async def admin(running: Running) -> str:
    """Secret of a key with every scope, of the tenant `acme`."""
    return await tenant_admin(running, "acme")
