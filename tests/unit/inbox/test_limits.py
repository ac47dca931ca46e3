from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from libs.config import Environ, SettingError
from services.inbox.config import Settings
from services.inbox.domain.frames import ClosingReason
from services.inbox.domain.limits import StreamLimits
from services.inbox.domain.models import InboxKey
from services.inbox.domain.starts import Live, Subscription
from services.inbox.usecases.stream_timing import Timing

LIMITS = Settings.from_environ(Environ({})).streams


class StoppedClock:
    """Stands still."""

    def now(self) -> datetime:
        return datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wanted", "granted"), [(None, 30), (1, 5), (5, 5), (77, 77), (119, 119), (120, 120)]
)
def test_granted_heartbeats(wanted: float | None, granted: float) -> None:
    asked = None if wanted is None else timedelta(seconds=wanted)
    assert LIMITS.grant_heartbeat(asked) == timedelta(seconds=granted)


@pytest.mark.parametrize(
    ("reason", "spread", "reconnect"),
    [
        (ClosingReason.SHUTDOWN, True, True),
        (ClosingReason.SLOW_CONSUMER, True, True),
        (ClosingReason.MAX_AGE, False, True),
        (ClosingReason.CREDENTIALS_EXPIRED, False, True),
        (ClosingReason.SUPERSEDED, False, False),
    ],
)
def test_how_streams_end(reason: ClosingReason, spread: bool, reconnect: bool) -> None:
    closing = LIMITS.closing(reason)
    assert closing.reason is reason
    assert closing.max_reconnect_delay == (LIMITS.reconnect_delay if spread else timedelta())
    assert closing.reconnect is reconnect


async def _timing(limits: StreamLimits, expires_in: timedelta | None) -> tuple[Timing, float]:
    clock = StoppedClock()
    subscription = Subscription(
        key=InboxKey("acme", "alice"),
        device_id="",
        start=Live(),
        heartbeat_interval=None,
        auth_expire_time=None if expires_in is None else clock.now() + expires_in,
    )
    loop = asyncio.get_running_loop()
    return Timing(subscription, limits, clock, loop), loop.time()


async def test_a_stream_first_has_to_look_up_for_its_heartbeat() -> None:
    for _ in range(100):
        timing, now = await _timing(LIMITS, None)
        # Four fifths to all of the granted silence.
        assert 24 <= timing.next_event() - now + 0.1 <= 30.2
        assert not timing.heartbeat_due()
        assert timing.ending() is None


async def test_age_is_jittered_downwards() -> None:
    limits = replace(LIMITS, longest_age=timedelta(seconds=10))
    ends = []
    for _ in range(50):
        timing, now = await _timing(limits, None)
        ends.append(timing.next_event() - now)
    assert 8.9 <= min(ends) < max(ends) <= 10.1


@pytest.mark.parametrize(
    ("expires_in", "reason"),
    [
        (timedelta(seconds=-1), ClosingReason.CREDENTIALS_EXPIRED),
        (timedelta(0), ClosingReason.CREDENTIALS_EXPIRED),
        (timedelta(hours=2), None),
    ],
)
async def test_a_stream_ends_no_later_than_its_credential(
    expires_in: timedelta, reason: ClosingReason | None
) -> None:
    timing, _ = await _timing(LIMITS, expires_in)
    assert timing.ending() is reason


def test_settings_name_themselves() -> None:
    with pytest.raises(SettingError, match="TIDINGS_INBOX_MAX_STREAMS"):
        Settings.from_environ(Environ({"TIDINGS_INBOX_MAX_STREAMS": "0"}))
