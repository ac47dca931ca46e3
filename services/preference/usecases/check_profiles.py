"""Says whether recipients may be stored as they are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from libs.errors import TidingsError
from services.preference.domain.errors import FieldsRefused
from services.preference.domain.models import RecipientProfile
from services.preference.domain.profile_rules import check_profile


@dataclass(frozen=True, slots=True)
class CheckProfiles:
    """Looks at profiles before the transaction that stores them: a check may take its time."""

    async def __call__(self, profiles: Sequence[RecipientProfile]) -> list[TidingsError | None]:
        """Returns what is wrong with each, None where nothing is."""
        return [_fault(profile) for profile in profiles]


def _fault(profile: RecipientProfile) -> TidingsError | None:
    try:
        check_profile(profile)
    except FieldsRefused as error:
        return error
    return None
