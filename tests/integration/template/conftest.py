"""A running template service, and its two faces."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from services.template.wiring import open_service
from tests.integration.hosting import Hosted, hosted
from tidings.internal.template.v1.rendering_service_pb2_grpc import RenderingServiceStub
from tidings.template.v1.template_service_pb2_grpc import TemplateServiceStub

if TYPE_CHECKING:
    from tidings.internal.template.v1.rendering_service_pb2_grpc import RenderingServiceAsyncStub
    from tidings.template.v1.template_service_pb2_grpc import TemplateServiceAsyncStub


@pytest.fixture(scope="module")
async def running(database_url: str, redis_url: str) -> AsyncIterator[Hosted]:
    """One service for the tests of a module."""
    async with hosted(open_service, database_url=database_url, redis_url=redis_url) as service:
        yield service


@pytest.fixture
def templates(running: Hosted) -> TemplateServiceAsyncStub:
    """The public service."""
    return TemplateServiceStub(running.public)


@pytest.fixture
def rendering(running: Hosted) -> RenderingServiceAsyncStub:
    """The internal service."""
    return RenderingServiceStub(running.internal)
