"""Page tokens and lifetimes on the wire."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from google.protobuf.duration_pb2 import Duration

from libs.errors import InvalidPageToken
from services.access.domain.errors import LifetimeTooLong
from services.access.domain.page import PageRequest
from services.access.wire.api_key import lifetime_from_proto
from services.access.wire.page_token import page_from_proto, page_token_to_proto

KEY_ID = UUID("01980000-0000-7000-8000-000000000001")


def test_a_page_token_leads_back_to_its_key() -> None:
    token = page_token_to_proto("acme", KEY_ID)
    assert page_from_proto("acme", 10, token) == PageRequest(size=10, before=KEY_ID)


def test_the_first_page_has_no_token_and_the_default_size() -> None:
    assert page_from_proto("acme", 0, "") == PageRequest(size=50, before=None)


def test_the_last_page_gives_no_token() -> None:
    assert page_token_to_proto("acme", None) == ""


@pytest.mark.parametrize(
    "token",
    [
        "A",
        "AAAA",
        "ä",
        "\0",
        page_token_to_proto("acme", KEY_ID)[:-1],
        page_token_to_proto("acme", KEY_ID) + "AAAA",
        page_token_to_proto("other", KEY_ID),
    ],
)
def test_any_other_page_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidPageToken):
        page_from_proto("acme", 10, token)


def test_a_lifetime_is_read() -> None:
    assert lifetime_from_proto(Duration(seconds=1, nanos=500_000_000)) == timedelta(seconds=1.5)


@pytest.mark.parametrize("seconds", [2**62, -(2**62)])
def test_a_lifetime_beyond_durations_is_refused(seconds: int) -> None:
    with pytest.raises(LifetimeTooLong):
        lifetime_from_proto(Duration(seconds=seconds))
