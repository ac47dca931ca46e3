"""Answers of a resolver."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from libs.egress.addresses import check_addresses
from libs.egress.refusal import EgressRefused


def test_public_addresses_pass_in_their_order() -> None:
    answers = ["2606:4700:4700::1111", "1.1.1.1"]
    assert check_addresses(answers, ()) == answers


@pytest.mark.parametrize("bad", ["10.0.0.1", "::1", "64:ff9b::a9fe:a9fe", "fe80::1%2", "0.1.2.3"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_bad_answer_among_good_ones_refuses_all(bad: str, place: int) -> None:
    answers = ["1.1.1.1", "8.8.8.8"]
    answers.insert(place, bad)
    with pytest.raises(EgressRefused) as refused:
        check_addresses(answers, ())
    assert bad not in str(refused.value)


def test_an_opened_network_is_open_and_its_neighbour_is_not() -> None:
    opened = (ip_network("10.1.0.0/16"), ip_network("fe80::/10"))
    assert check_addresses(["10.1.2.3"], opened) == ["10.1.2.3"]
    with pytest.raises(EgressRefused):
        check_addresses(["10.2.0.1"], opened)
    # An address with a zone is one of this machine's links, whatever is open.
    with pytest.raises(EgressRefused):
        check_addresses(["fe80::1%2"], opened)
