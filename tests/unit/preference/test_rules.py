from __future__ import annotations

import pytest

from services.preference.domain.changes import check_changes
from services.preference.domain.errors import FieldsRefused
from services.preference.domain.models import (
    Channel,
    Choice,
    PreferenceChange,
    RecipientProfile,
)
from services.preference.domain.profile_rules import check_profile


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"])
def test_zones_that_exist(zone: str) -> None:
    check_profile(RecipientProfile(recipient_id="alice", time_zone=zone))


@pytest.mark.parametrize(
    "zone",
    ["Mars/Olympus", "europe/berlin", "Europe", "/etc/localtime", "localtime", "Factory", "+01"],
)
def test_zones_that_do_not(zone: str) -> None:
    with pytest.raises(FieldsRefused) as refused:
        check_profile(RecipientProfile(recipient_id="alice", time_zone=zone))
    assert [violation.field for violation in refused.value.violations] == ["recipient.time_zone"]
    assert refused.value.metadata == {"fields": "recipient.time_zone"}


@pytest.mark.parametrize(
    "email",
    [
        "a@example.com\n",
        "a@example.com\r\nBcc: b@example.com",
        "a\0@example.com",
        "a b@example.com",
    ],
)
def test_addresses_that_would_break_a_mail(email: str) -> None:
    with pytest.raises(FieldsRefused) as refused:
        check_profile(RecipientProfile(recipient_id="alice", emails=("ok@example.com", email)))
    assert [violation.field for violation in refused.value.violations] == ["recipient.emails[1]"]


def _change(category: str | None, channel: Channel | None) -> PreferenceChange:
    return PreferenceChange(category=category, channel=channel, choice=Choice.ENABLED)


def test_one_scope_twice_is_refused() -> None:
    scopes = [("a", Channel.EMAIL), ("a", None), (None, Channel.EMAIL), (None, None)]
    changes = [_change(category, channel) for category, channel in scopes]
    check_changes(changes)
    with pytest.raises(FieldsRefused) as refused:
        check_changes([*changes, changes[2]])
    assert [violation.field for violation in refused.value.violations] == ["preferences[4]"]
