"""What an endpoint's answer means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.dispatch.channels.webhook import outcome_of, read_retry_after
from services.dispatch.domain.models import Outcome

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [
        ((200, 201, 202, 204, 299), Outcome.ACCEPTED),
        ((300, 301, 302, 303, 304, 307, 308), Outcome.PERMANENT),
        ((400, 402, 404, 405, 409, 410, 413, 415, 422, 451), Outcome.PERMANENT),
        ((401, 403, 408, 425), Outcome.TRANSIENT),
        ((429,), Outcome.THROTTLED),
        ((500, 501, 502, 503, 504, 520, 599), Outcome.TRANSIENT),
    ],
)
def test_statuses(statuses: tuple[int, ...], outcome: Outcome) -> None:
    for status in statuses:
        assert outcome_of(status, asked_to_wait=False) is outcome


def test_who_asks_to_wait_throttles() -> None:
    assert outcome_of(503, asked_to_wait=True) is Outcome.THROTTLED
    assert outcome_of(204, asked_to_wait=True) is Outcome.ACCEPTED


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        ("00000000000000000010", 10),
        ("Fri, 02 Jan 2026 03:05:05 GMT", 60),
        ("Friday, 02-Jan-26 03:05:05 GMT", 60),
        ("Fri, 02 Jan 2026 03:00:00 GMT", 0),
        # no more than a day, however it is written
        ("9" * 400, 86_400),
        ("Fri, 02 Jan 2099 03:00:00 GMT", 86_400),
    ],
)
def test_wishes(value: str, seconds: int) -> None:
    assert read_retry_after(value, NOW) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "soon",
        "-5",
        "1.5",
        "\u0661\u0662",
        "Fri, 99 Jan 2026",
        f"Fri, 02 Jan {'9' * 20} 03:04:05 GMT",
        f"Fri, 02 Jan 2026 03:04:05 +{'9' * 20}",
    ],
)
def test_what_is_no_wish(value: str) -> None:
    assert read_retry_after(value, NOW) is None
