"""Changes that callers ask for, and what they must satisfy beyond their contract's annotations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from libs.errors import FieldViolation
from libs.values import value
from services.preference.domain.errors import FieldsRefused
from services.preference.domain.models import PreferenceChange, RecipientProfile


@value
class RecipientUpsert:
    """A recipient to create or to replace."""

    profile: RecipientProfile
    etag: str = ""
    """The state that it replaces; empty replaces any."""


def without_repeats(upserts: Sequence[RecipientUpsert]) -> Iterator[list[RecipientUpsert]]:
    """Yields the upserts in order, in parts in which each recipient stands at most once."""
    part: list[RecipientUpsert] = []
    seen: set[str] = set()
    for upsert in upserts:
        if upsert.profile.recipient_id in seen:
            yield part
            part, seen = [], set()
        part.append(upsert)
        seen.add(upsert.profile.recipient_id)
    if part:
        yield part


def check_changes(changes: Sequence[PreferenceChange], *, replace: bool) -> None:
    """Raises FieldsRefused when nothing is named where nothing is replaced, or one category and channel
    twice: nobody could say which counts."""
    seen = set()
    violations = []
    if not changes and not replace:
        sentence = "must name at least one preference, unless `replace` is true"
        violations.append(FieldViolation("preferences", sentence))
    for index, change in enumerate(changes):
        scope = (change.category, change.channel)
        if scope in seen:
            violations.append(
                FieldViolation(f"preferences[{index}]", "repeats a category and channel")
            )
        seen.add(scope)
    if violations:
        raise FieldsRefused(violations)
