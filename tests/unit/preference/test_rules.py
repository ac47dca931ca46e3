from __future__ import annotations

import pytest

from services.preference.domain.changes import (
    RecipientUpsert,
    check_changes,
    without_repeats,
)
from services.preference.domain.errors import FieldsRefused
from services.preference.domain.models import (
    Channel,
    Choice,
    Preference,
    PreferenceChange,
    RecipientPreferences,
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
    check_changes(changes, replace=False)
    with pytest.raises(FieldsRefused) as refused:
        check_changes([*changes, changes[2]], replace=False)
    assert [violation.field for violation in refused.value.violations] == ["preferences[4]"]


def test_nothing_named_is_refused_unless_it_replaces() -> None:
    with pytest.raises(FieldsRefused) as refused:
        check_changes([], replace=False)
    assert [violation.field for violation in refused.value.violations] == ["preferences"]
    check_changes([], replace=True)


def test_upserts_are_parted_where_a_recipient_comes_again() -> None:
    upserts = [RecipientUpsert(profile=RecipientProfile(recipient_id=name)) for name in "abacb"]
    parts = [[upsert.profile.recipient_id for upsert in part] for part in without_repeats(upserts)]
    assert parts == [["a", "b"], ["a", "c", "b"]]
    assert list(without_repeats([])) == []


@pytest.mark.parametrize("url", ["https://a.example/\0", "https://a.example/\u2003x"])
def test_webhook_urls_that_would_break_a_header(url: str) -> None:
    with pytest.raises(FieldsRefused) as refused:
        check_profile(RecipientProfile(recipient_id="alice", webhook_url=url))
    assert [violation.field for violation in refused.value.violations] == ["recipient.webhook_url"]


def test_an_etag_is_the_words_and_nothing_else() -> None:
    word = Preference(category="a", channel=None, choice=Choice.ENABLED)
    others = [
        Preference(category=None, channel=None, choice=Choice.ENABLED),
        Preference(category="a", channel=Channel.EMAIL, choice=Choice.ENABLED),
        Preference(category="a", channel=None, choice=Choice.DISABLED),
    ]
    etags = {RecipientPreferences(preferences=(each,)).etag for each in (word, *others)}
    etags |= {RecipientPreferences(preferences=()).etag}
    assert len(etags) == 5
    assert RecipientPreferences(preferences=(word,)).etag in etags
