"""When keys and tokens end."""

from __future__ import annotations

from datetime import datetime, timedelta

from services.access.domain.errors import LifetimeTooLong

DEFAULT_TOKEN_LIFETIME = timedelta(hours=1)


def key_expiry(now: datetime, lifetime: timedelta | None) -> datetime | None:
    """Returns when a key ends, None for never; raises LifetimeTooLong where the calendar ends."""
    if lifetime is None:
        return None
    try:
        return now + lifetime
    except OverflowError:
        raise LifetimeTooLong from None


def token_expiry(now: datetime, lifetime: timedelta | None) -> datetime:
    """Returns when a token ends, on a whole second, because that is what a token can say."""
    return (now + (lifetime or DEFAULT_TOKEN_LIFETIME)).replace(microsecond=0)
