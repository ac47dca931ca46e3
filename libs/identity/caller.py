"""The caller of the RPC in progress."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

from libs.errors import Cause, FieldViolation, TidingsError


class RecipientMismatch(TidingsError):
    """A recipient token was used for somebody else's inbox."""

    cause = Cause.PERMISSION_DENIED
    reason = "RECIPIENT_MISMATCH"

    def __init__(self) -> None:
        super().__init__("this token is for another recipient; leave recipient_id empty")


class RecipientMissing(TidingsError):
    """An API key named no recipient."""

    cause = Cause.INVALID_ARGUMENT
    reason = "INVALID_FIELD"

    def __init__(self) -> None:
        sentence = "an API key must name a recipient"
        super().__init__(
            f"recipient_id: {sentence}",
            metadata={"fields": "recipient_id"},
            violations=[FieldViolation("recipient_id", sentence)],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """What a credential proves. The tenant comes from here and nowhere else."""

    tenant_id: str
    subject: str
    """Id of the API key, or of the recipient for a recipient token."""
    scopes: frozenset[int]
    """Values of `tidings.common.v1.Scope`."""
    recipient_id: str | None = None
    """The only recipient this caller may act for; None for an API key."""
    expire_time: datetime | None = None

    def acting_for(self, recipient_id: str) -> str:
        """Returns whose inbox is meant; raises when the caller may not or did not say."""
        if self.recipient_id is None:
            if not recipient_id:
                raise RecipientMissing
            return recipient_id
        if recipient_id not in ("", self.recipient_id):
            raise RecipientMismatch
        return self.recipient_id


_CALLER: ContextVar[Caller] = ContextVar("caller")


def current_caller() -> Caller:
    """Returns the caller of the RPC in progress; LookupError outside of one."""
    return _CALLER.get()


def set_caller(caller: Caller) -> None:
    """Declares the caller for the rest of this task; the RPC pipeline does."""
    _CALLER.set(caller)
