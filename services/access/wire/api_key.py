"""API keys on the wire."""

from __future__ import annotations

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration

from services.access.domain.errors import LifetimeTooLong
from services.access.domain.models import ApiKey
from tidings.access.v1 import access_service_pb2 as pb
from tidings.common.v1.authorization_pb2 import Scope
from tidings.internal.access.v1 import credential_service_pb2 as internal_pb


def lifetime_from_proto(duration: Duration) -> timedelta:
    """Reads a lifetime; raises LifetimeTooLong beyond what a duration can be."""
    try:
        return duration.ToTimedelta()
    except (OverflowError, ValueError):
        raise LifetimeTooLong from None


def api_key_to_proto(api_key: ApiKey) -> pb.ApiKey:
    """Writes a key as it may be shown."""
    message = pb.ApiKey(
        key_id=str(api_key.key_id),
        display_name=api_key.display_name,
        prefix=api_key.prefix,
        scopes=_scopes(api_key),
    )
    message.create_time.FromDatetime(api_key.create_time)
    if api_key.expire_time is not None:
        message.expire_time.FromDatetime(api_key.expire_time)
    if api_key.revoke_time is not None:
        message.revoke_time.FromDatetime(api_key.revoke_time)
    return message


def lookup_to_proto(api_key: ApiKey | None) -> internal_pb.LookUpApiKeyResponse:
    """Writes whose a key is."""
    if api_key is None:
        return internal_pb.LookUpApiKeyResponse(known=False)
    message = internal_pb.LookUpApiKeyResponse(
        known=True,
        tenant_id=api_key.tenant_id,
        key_id=str(api_key.key_id),
        scopes=_scopes(api_key),
    )
    if api_key.expire_time is not None:
        message.expire_time.FromDatetime(api_key.expire_time)
    return message


def _scopes(api_key: ApiKey) -> list[Scope.ValueType]:
    return [Scope.ValueType(scope) for scope in api_key.scopes]
