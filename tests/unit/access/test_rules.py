"""What a key may grant, and when keys and tokens end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.access.domain.errors import LifetimeTooLong
from services.access.domain.lifetime import key_expiry, token_expiry
from services.access.domain.scopes import ADMIN, not_held
from tidings.common.v1.authorization_pb2 import SCOPE_ADMIN

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)


@pytest.mark.parametrize(
    ("held", "wanted", "missing"),
    [
        ({12, 2}, [2], []),
        ({12, 2}, [2, 3, 1], [3, 1]),
        ({12}, [12], []),
        (set(), [2], [2]),
        ({ADMIN}, [1, 2, 15], []),
    ],
)
def test_what_a_creator_lacks(held: set[int], wanted: list[int], missing: list[int]) -> None:
    assert not_held(held, wanted) == missing


def test_admin_is_what_the_contract_calls_it() -> None:
    assert ADMIN == SCOPE_ADMIN


def test_a_key_without_a_lifetime_does_not_expire() -> None:
    assert key_expiry(NOW, None) is None


def test_a_key_expires_after_its_lifetime() -> None:
    assert key_expiry(NOW, timedelta(days=1)) == NOW + timedelta(days=1)


def test_a_key_ends_before_the_calendar() -> None:
    with pytest.raises(LifetimeTooLong):
        key_expiry(NOW, timedelta(days=365 * 8000))


@pytest.mark.parametrize(
    ("lifetime", "expected"),
    [
        (None, datetime(2026, 1, 2, 4, 4, 5, tzinfo=UTC)),
        (timedelta(seconds=10), datetime(2026, 1, 2, 3, 4, 15, tzinfo=UTC)),
        # 05.678901 + 10.4 = 16.078901
        (timedelta(seconds=10.4), datetime(2026, 1, 2, 3, 4, 16, tzinfo=UTC)),
    ],
)
def test_a_token_ends_on_a_whole_second(lifetime: timedelta | None, expected: datetime) -> None:
    assert token_expiry(NOW, lifetime) == expected
