"""Settings of dispatch that only make sense together."""

from __future__ import annotations

import pytest

from libs.config import Environ, SettingError
from services.dispatch.config import Settings

MAIL = {"TIDINGS_SMTP_URL": "smtp://localhost"}


@pytest.mark.parametrize(
    ("given", "variable", "longest"),
    [
        # 3/4 of 45 s, less a second.
        ({"TIDINGS_WEBHOOK_TIMEOUT_SECONDS": "32.8"}, "TIDINGS_WEBHOOK_TIMEOUT_SECONDS", "32.75"),
        ({"TIDINGS_DISPATCH_LEASE_SECONDS": "24"}, "TIDINGS_SMTP_TIMEOUT_SECONDS", "17"),
        ({"TIDINGS_DISPATCH_CLAIM_DEADLINE_SECONDS": "24"}, "TIDINGS_SMTP_TIMEOUT_SECONDS", "17"),
    ],
)
def test_a_call_that_never_fits_in_a_lease_is_refused(
    given: dict[str, str], variable: str, longest: str
) -> None:
    with pytest.raises(SettingError, match=rf"{variable} must be at most {longest}, not"):
        Settings.from_environ(Environ(MAIL | given))


def test_a_call_that_fits_is_taken() -> None:
    settings = Settings.from_environ(Environ(MAIL | {"TIDINGS_WEBHOOK_TIMEOUT_SECONDS": "32.75"}))
    assert settings.webhook_timeout.total_seconds() == 32.75
