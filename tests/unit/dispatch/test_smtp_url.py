"""What the address of a mail server may say."""

from __future__ import annotations

import pytest

from libs.clock import SystemClock
from libs.config import SettingError
from services.dispatch.channels.smtp import SmtpProvider


def test_another_word_for_tls_is_refused_without_the_password() -> None:
    with pytest.raises(SettingError, match="must be required, off, offered, not 'yes'") as raised:
        SmtpProvider(
            "smtp://user:hunter2@host:587?tls=yes", sender="a@b", connections=1, clock=SystemClock()
        )
    assert "hunter2" not in str(raised.value)
