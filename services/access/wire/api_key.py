"""API keys on the wire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from libs.errors import FieldViolation
from libs.rpc.masks import masked
from libs.rpc.validation import InvalidFields
from services.access.domain.errors import ExpireTimeOutOfRange, LifetimeTooLong
from services.access.domain.models import ApiKey, KeyChange
from tidings.access.v1 import access_service_pb2 as pb
from tidings.common.v1.authorization_pb2 import Scope
from tidings.internal.access.v1 import credential_service_pb2 as internal_pb

_NEVER_EMPTY = ("display_name", "scopes")
_CHANGEABLE = (*_NEVER_EMPTY, "expire_time")


def lifetime_from_proto(duration: Duration) -> timedelta:
    """Reads a lifetime; raises LifetimeTooLong beyond what a duration can be."""
    try:
        return duration.ToTimedelta()
    except (OverflowError, ValueError):
        raise LifetimeTooLong from None


def key_change_from_proto(message: pb.UpdateApiKeyRequest) -> KeyChange:
    """Reads what a key shall be; raises InvalidFields or ExpireTimeOutOfRange."""
    fields = masked(message.update_mask, message, changeable=_CHANGEABLE)
    empty = [name for name in _NEVER_EMPTY if name in fields and not getattr(message, name)]
    if empty:
        raise InvalidFields(
            [FieldViolation(name, "is in update_mask and may not be empty") for name in empty]
        )
    return KeyChange(
        fields=fields,
        display_name=message.display_name,
        scopes=tuple(message.scopes),
        expire_time=(
            _moment_from_proto(message.expire_time) if message.HasField("expire_time") else None
        ),
    )


def _moment_from_proto(timestamp: Timestamp) -> datetime:
    try:
        return timestamp.ToDatetime(UTC)
    except (OverflowError, ValueError):
        raise ExpireTimeOutOfRange from None


def api_key_to_proto(api_key: ApiKey) -> pb.ApiKey:
    """Writes a key as it may be shown."""
    message = pb.ApiKey(
        key_id=str(api_key.key_id),
        display_name=api_key.display_name,
        prefix=api_key.prefix,
        scopes=_scopes(api_key),
        etag=api_key.etag,
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
