"""What a recipient's profile must satisfy beyond its contract's annotations."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import available_timezones

from libs.errors import FieldViolation
from services.preference.domain.errors import FieldsRefused
from services.preference.domain.models import RecipientProfile

# Files of the zone database that name no zone; "localtime" would differ from machine to machine.
_TIME_ZONES = frozenset(available_timezones()) - {"Factory", "localtime"}


def check_profile(profile: RecipientProfile) -> None:
    """Raises FieldsRefused when the zone does not exist or an address would break a header."""
    violations = list(_violations(profile))
    if violations:
        raise FieldsRefused(violations)


def _violations(profile: RecipientProfile) -> Iterator[FieldViolation]:
    for index, email in enumerate(profile.emails):
        if not email.isprintable() or " " in email:
            yield FieldViolation(
                f"recipient.emails[{index}]", "must hold no spaces and no control characters"
            )
    if not profile.webhook_url.isprintable():
        yield FieldViolation(
            "recipient.webhook_url", "must hold no spaces and no control characters"
        )
    if profile.time_zone not in _TIME_ZONES:
        yield FieldViolation(
            "recipient.time_zone", "must be an IANA time zone, such as `Europe/Berlin`"
        )
