"""The errors that reach callers: a cause, a published reason, and a sentence that tells the fix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import ClassVar


class Cause(Enum):
    """Kind of an error; decides the gRPC status."""

    INVALID_ARGUMENT = "invalid argument"
    NOT_FOUND = "not found"
    ALREADY_EXISTS = "already exists"
    ABORTED = "aborted"
    UNAUTHENTICATED = "unauthenticated"
    PERMISSION_DENIED = "permission denied"
    RESOURCE_EXHAUSTED = "resource exhausted"
    UNAVAILABLE = "unavailable"
    UNIMPLEMENTED = "unimplemented"


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """What is wrong with one field of a request."""

    field: str
    """Dotted path in the request, such as `template.variables.order`."""
    description: str
    """What would be right."""


@dataclass(frozen=True, slots=True)
class QuotaViolation:
    """Which bound was met."""

    subject: str
    """Whose bound, such as `tenant:demo`."""
    description: str
    """The bound."""


class TidingsError(Exception):
    """Base of every error whose text may leave the house.

    `reason` is a value of `tidings.common.v1.ErrorReason` without its prefix.
    """

    cause: ClassVar[Cause]
    reason: ClassVar[str]

    def __init__(
        self,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[FieldViolation] = (),
        retry_after: timedelta | None = None,
        quota: QuotaViolation | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = dict(metadata or {})
        self.violations = tuple(violations)
        self.retry_after = retry_after
        self.quota = quota


class DependencyUnavailable(TidingsError):
    """A part that the call needs is away; nothing was changed."""

    cause = Cause.UNAVAILABLE
    reason = "DEPENDENCY_UNAVAILABLE"

    def __init__(self, dependency: str) -> None:
        super().__init__(
            f"{dependency} does not answer; try again",
            metadata={"dependency": dependency},
            retry_after=timedelta(seconds=1),
        )


class Overloaded(TidingsError):
    """There is as much work in hand as there may be."""

    cause = Cause.RESOURCE_EXHAUSTED
    reason = "OVERLOADED"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what}; try again later",
            retry_after=timedelta(seconds=1),
        )


class InvalidPageToken(TidingsError):
    """The page token is not one that this method gave."""

    cause = Cause.INVALID_ARGUMENT
    reason = "PAGE_TOKEN_INVALID"

    def __init__(self) -> None:
        sentence = "page_token must be the next_page_token of the page before, unchanged"
        super().__init__(sentence, violations=[FieldViolation("page_token", sentence)])


class RequestIdReused(TidingsError):
    """The request id belongs to another payload."""

    cause = Cause.ALREADY_EXISTS
    reason = "REQUEST_ID_REUSED"

    def __init__(self, request_id: str) -> None:
        sentence = "this request_id was used with another payload; use a fresh one"
        super().__init__(
            sentence,
            metadata={"request_id": request_id},
            violations=[FieldViolation("request_id", sentence)],
        )


class EtagMismatch(TidingsError):
    """The resource is not in the state that the caller knows."""

    cause = Cause.ABORTED
    reason = "ETAG_MISMATCH"

    def __init__(self, what: str, etag: str) -> None:
        """`what` names the resource; `etag` is what it has now, empty when there is none."""
        now = f"changed since, its etag is {etag} now" if etag else "does not exist"
        super().__init__(f"the {what} {now}; read it again", metadata={"etag": etag})
