"""Calls of who manages keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.duration_pb2 import Duration

from tidings.access.v1.access_service_pb2 import CreateApiKeyRequest, CreateApiKeyResponse
from tidings.common.v1.authorization_pb2 import Scope

if TYPE_CHECKING:
    from tidings.access.v1.access_service_pb2_grpc import AccessServiceAsyncStub

UNKNOWN_KEY = "00000000-0000-7000-8000-000000000000"
Metadata = tuple[tuple[str, str], ...]


def bearer(secret: str) -> Metadata:
    return (("authorization", f"Bearer {secret}"),)


async def create(
    access: AccessServiceAsyncStub, creator: str, *scopes: Scope.ValueType, ttl: int = 0
) -> CreateApiKeyResponse:
    request = CreateApiKeyRequest(
        display_name="backend", scopes=scopes, ttl=Duration(seconds=ttl) if ttl else None
    )
    return await access.CreateApiKey(request, metadata=bearer(creator))
