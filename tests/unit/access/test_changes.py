"""What changing a key makes of it, and what that grants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.access.domain.changes import changed, granted
from services.access.domain.models import ApiKey, KeyChange

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


def key(expire_time: datetime | None = NOW) -> ApiKey:
    return ApiKey(
        key_id=UUID(int=1),
        tenant_id="acme",
        display_name="backend",
        prefix="tdg_x",
        scopes=(2, 3),
        create_time=NOW,
        expire_time=expire_time,
        revision=7,
    )


def change(*fields: str, expire_time: datetime | None = None) -> KeyChange:
    return KeyChange(fields=fields, display_name="new", scopes=(5, 4), expire_time=expire_time)


def test_only_the_named_fields_change() -> None:
    after = changed(key(), change("scopes"))
    assert (after.display_name, after.scopes, after.expire_time) == ("backend", (4, 5), NOW)
    assert after.revision == 8
    after = changed(key(), change("display_name", "expire_time"))
    assert (after.display_name, after.scopes, after.expire_time) == ("new", (2, 3), None)


def test_what_stays_as_it_is_keeps_its_revision() -> None:
    assert changed(key(), change()) == key()
    assert changed(key(), change("expire_time", expire_time=NOW)) == key()


@pytest.mark.parametrize(
    ("before", "after", "scopes"),
    [
        (NOW, LATER, (2, 3)),
        (NOW, None, (2, 3)),
        (LATER, NOW, ()),
        (NOW, NOW, ()),
        (None, NOW, ()),
        (None, None, ()),
    ],
)
def test_a_longer_life_grants_what_the_key_has(
    before: datetime | None, after: datetime | None, scopes: tuple[int, ...]
) -> None:
    wanted = change("expire_time", expire_time=after)
    assert granted(key(before), changed(key(before), wanted), wanted) == scopes


def test_named_scopes_are_granted_and_a_name_grants_nothing() -> None:
    wanted = change("scopes")
    assert granted(key(), changed(key(), wanted), wanted) == (4, 5)
    wanted = change("display_name")
    assert granted(key(), changed(key(), wanted), wanted) == ()
