"""What access refuses."""

from __future__ import annotations

from uuid import UUID

from libs.errors import Cause, FieldViolation, TidingsError


class TenantAlreadyExists(TidingsError):
    """A tenant of that id exists."""

    cause = Cause.ALREADY_EXISTS
    reason = "TENANT_ALREADY_EXISTS"

    def __init__(self, tenant_id: str) -> None:
        super().__init__(
            f"the tenant {tenant_id} exists; choose another id", metadata={"tenant_id": tenant_id}
        )


class TenantNotFound(TidingsError):
    """There is no such tenant."""

    cause = Cause.NOT_FOUND
    reason = "TENANT_NOT_FOUND"

    def __init__(self, tenant_id: str) -> None:
        super().__init__(
            f"there is no tenant {tenant_id}; create it first", metadata={"tenant_id": tenant_id}
        )


class ApiKeyNotFound(TidingsError):
    """The tenant has no such key."""

    cause = Cause.NOT_FOUND
    reason = "API_KEY_NOT_FOUND"

    def __init__(self, key_id: UUID) -> None:
        super().__init__(
            f"there is no API key {key_id}; ListApiKeys shows the ids",
            metadata={"key_id": str(key_id)},
        )


class ScopeNotHeld(TidingsError):
    """A key was to be given what its creator or changer lacks."""

    cause = Cause.PERMISSION_DENIED
    reason = "SCOPE_MISSING"

    def __init__(self, scope: str) -> None:
        super().__init__(
            f"a key cannot be given {scope}, which the key that gives it lacks",
            metadata={"scope": scope},
        )


class LifetimeTooLong(TidingsError):
    """A key would end beyond the calendar."""

    cause = Cause.INVALID_ARGUMENT
    reason = "INVALID_FIELD"

    def __init__(self) -> None:
        sentence = "must end before the year 10000; leave it unset for a key that does not expire"
        super().__init__(
            f"ttl: {sentence}",
            metadata={"fields": "ttl"},
            violations=[FieldViolation("ttl", sentence)],
        )


class ExpireTimeOutOfRange(TidingsError):
    """A key would end beyond the calendar."""

    cause = Cause.INVALID_ARGUMENT
    reason = "INVALID_FIELD"

    def __init__(self) -> None:
        sentence = (
            "must be between the years 1 and 9999; leave it unset for a key that does not expire"
        )
        super().__init__(
            f"expire_time: {sentence}",
            metadata={"fields": "expire_time"},
            violations=[FieldViolation("expire_time", sentence)],
        )
