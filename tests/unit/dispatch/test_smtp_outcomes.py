"""What a mail server's refusal means."""

from __future__ import annotations

import pytest

from services.dispatch.channels.smtp import outcome_of
from services.dispatch.domain.models import Outcome


@pytest.mark.parametrize(
    ("code", "message", "outcome"),
    [
        (550, "5.1.1 no such user", Outcome.PERMANENT),
        (552, "5.3.4 too big", Outcome.PERMANENT),
        (550, "5.7.1 refused by policy", Outcome.PERMANENT),
        (554, "no enhanced code", Outcome.PERMANENT),
        (451, "4.3.0 try later", Outcome.TRANSIENT),
        (452, "4.2.2 mailbox full", Outcome.TRANSIENT),
        (450, "greylisted", Outcome.TRANSIENT),
        (421, "4.7.28 too many", Outcome.THROTTLED),
        (421, "closing", Outcome.THROTTLED),
        (450, "4.7.32 slow down", Outcome.THROTTLED),
        (535, "5.7.8 bad credentials", Outcome.AUTH),
        (530, "5.7.0 authentication required", Outcome.AUTH),
        (550, "5.7.8 bad credentials", Outcome.AUTH),
    ],
)
def test_outcome(code: int, message: str, outcome: Outcome) -> None:
    assert outcome_of(code, message) is outcome
