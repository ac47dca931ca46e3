"""What inbox refuses."""

from __future__ import annotations

from libs.errors import Cause, FieldViolation, TidingsError


class CursorInvalid(TidingsError):
    """The cursor is not one that a stream of this inbox gave."""

    cause = Cause.INVALID_ARGUMENT
    reason = "CURSOR_INVALID"

    def __init__(self) -> None:
        sentence = "after_cursor must be a cursor of an earlier stream of this inbox, unchanged"
        super().__init__(sentence, violations=[FieldViolation("after_cursor", sentence)])
