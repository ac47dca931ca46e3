"""What a change of preferences must satisfy beyond its contract's annotations."""

from __future__ import annotations

from collections.abc import Sequence

from libs.errors import FieldViolation
from services.preference.domain.errors import FieldsRefused
from services.preference.domain.models import PreferenceChange


def check_changes(changes: Sequence[PreferenceChange]) -> None:
    """Raises FieldsRefused when one category and channel is named twice: nobody could say which counts."""
    seen = set()
    violations = []
    for index, change in enumerate(changes):
        scope = (change.category, change.channel)
        if scope in seen:
            violations.append(
                FieldViolation(f"preferences[{index}]", "repeats a category and channel")
            )
        seen.add(scope)
    if violations:
        raise FieldsRefused(violations)
