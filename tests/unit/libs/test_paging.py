"""Pages, and the tokens between them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from libs.clock import mint_uuid7
from libs.errors import InvalidPageToken
from libs.opaque_tokens import write_token
from libs.paging import (
    DEFAULT_PAGE_SIZE,
    IdRange,
    Page,
    PageRequest,
    listing_of,
    page_from_proto,
    page_token_to_proto,
)
from tidings.preference.v1.category_service_pb2 import ListCategoriesRequest
from tidings.preference.v1.recipient_service_pb2 import ListRecipientsRequest

KEY_ID = UUID("01980000-0000-7000-8000-000000000001")


def token(last_key: str = "alice") -> str:
    return page_token_to_proto("recipients", "acme", last_key)


@pytest.mark.parametrize("key", ["a", "älice", "a" * 128])
def test_a_page_token_leads_back_to_its_key(key: str) -> None:
    page = page_from_proto("recipients", "acme", 7, token(key))
    assert page == PageRequest(size=7, after=key)


def test_the_first_page_has_no_token_and_the_last_gives_none() -> None:
    page = page_from_proto("recipients", "acme", 0, "")
    assert page == PageRequest(size=DEFAULT_PAGE_SIZE)
    assert page.after_uuid() is None
    assert page_token_to_proto("recipients", "acme", None) == ""


@pytest.mark.parametrize(("listing", "tenant"), [("categories", "acme"), ("recipients", "other")])
def test_a_page_token_is_for_its_own_list(listing: str, tenant: str) -> None:
    with pytest.raises(InvalidPageToken):
        page_from_proto(listing, tenant, 0, token())


@pytest.mark.parametrize(
    "forged",
    [
        "A",
        "AAAA",
        "ä",
        "\0",
        "\udc80",
        "_____________",
        token()[:-1],
        token() + "A",
        token() + "AAAA",
        token() + "=",
        token() + "\u2603",
        " " + token(),
        token("a\0"),
        write_token(b"\xff", "recipients", "acme"),
    ],
)
def test_any_other_page_token_is_refused(forged: str) -> None:
    with pytest.raises(InvalidPageToken):
        page_from_proto("recipients", "acme", 10, forged)


def test_a_uuid_goes_round() -> None:
    assert page_from_proto("recipients", "acme", 1, token(str(KEY_ID))).after_uuid() == KEY_ID


@pytest.mark.parametrize("key", ["alice", f"{KEY_ID}0", "\u2603" * 32])
def test_a_key_that_is_no_uuid_is_refused_where_keys_are(key: str) -> None:
    page = page_from_proto("recipients", "acme", 1, token(key))
    with pytest.raises(InvalidPageToken):
        page.after_uuid()


@pytest.mark.parametrize("found", [0, 1, 2, 3])
def test_a_page_is_cut_where_the_next_begins(found: int) -> None:
    wanted = PageRequest(size=2)
    assert wanted.limit == 3
    page = Page.cut("abc"[:found], wanted, key=str)
    assert page.items == tuple("ab"[:found])
    assert page.last_key == ("b" if found == 3 else None)


def test_a_listing_is_its_method_and_its_filters_whatever_the_page() -> None:
    listing = listing_of(ListRecipientsRequest(id_prefix="a"))
    assert listing_of(ListRecipientsRequest(id_prefix="a", page_size=7, page_token="b")) == listing
    others = (
        ListRecipientsRequest(),
        ListRecipientsRequest(id_prefix="b"),
        ListCategoriesRequest(),
    )
    assert listing not in {listing_of(request) for request in others}


@pytest.mark.parametrize("moment", [datetime(year, 3, 1, tzinfo=UTC) for year in (1, 2026, 9999)])
def test_ids_of_a_time_lie_between_its_bounds(moment: datetime) -> None:
    bounds = IdRange.of(PageRequest(size=1), since=moment, until=moment)
    assert bounds.lowest < bounds.before
    if moment.year == 2026:
        for minted in (mint_uuid7(moment), mint_uuid7(moment + timedelta(microseconds=999))):
            assert bounds.lowest <= minted < bounds.before


def test_a_scan_that_was_ended_goes_on_where_it_ended() -> None:
    def cut(found: list[int], size: int) -> Page[int]:
        return Page.cut_scanned(
            found,
            PageRequest(size=size),
            key=str,
            matches=lambda number: number % 2 == 0,
            ends_scan=lambda number: number in {99, 100},
        )

    assert cut([2, 4, 6], 2) == Page(items=(2, 4), last_key="4")
    assert cut([2, 4, 99], 2) == Page(items=(2, 4), last_key="4")
    assert cut([2, 99], 2) == Page(items=(2,), last_key="99")
    assert cut([2, 100], 2) == Page(items=(2, 100), last_key="100")
    assert cut([99], 2) == Page(items=(), last_key="99")
    assert cut([2, 4], 2) == Page(items=(2, 4), last_key=None)
    assert cut([], 2) == Page(items=(), last_key=None)
