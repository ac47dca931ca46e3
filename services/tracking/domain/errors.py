"""What tracking refuses."""

from __future__ import annotations

from libs.errors import Cause, FieldViolation, TidingsError


class TimeRefused(TidingsError):
    """A time breaks a rule that the contract's annotations cannot express."""

    cause = Cause.INVALID_ARGUMENT
    reason = "INVALID_FIELD"

    def __init__(self, field: str, description: str) -> None:
        super().__init__(
            f"{field}: {description}",
            metadata={"fields": field},
            violations=[FieldViolation(field, description)],
        )
