"""Which notification carries which trace context."""

from __future__ import annotations

import pytest

from libs.telemetry.contexts import context_of, traceparent_of
from libs.trace import (
    begin,
    beside_others,
    in_trace_of,
    is_sampled,
    is_valid,
    span_id,
    trace_id,
)

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
SAMPLED = f"00-{TRACE}-{SPAN}-01"
UNSAMPLED = f"00-{TRACE}-{SPAN}-00"


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "x",
        SAMPLED + "\n",
        SAMPLED.upper(),
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
    ],
)
def test_what_is_not_a_trace_context(text: str | None) -> None:
    assert not is_valid(text)


@pytest.mark.parametrize(
    ("flags", "sampled"), [("00", False), ("01", True), ("02", False), ("03", True)]
)
def test_the_lowest_bit_decides(flags: str, sampled: bool) -> None:
    text = f"00-{TRACE}-{SPAN}-{flags}"
    assert is_valid(text)
    assert is_sampled(text) is sampled


@pytest.mark.parametrize("text", ["", "1", "x1", SAMPLED + "1"])
def test_what_is_no_context_is_not_sampled(text: str) -> None:
    assert not is_sampled(text)


def test_work_does_not_fail_over_a_context_that_is_none() -> None:
    assert not context_of("x" * 54 + "1").is_valid
    assert context_of(SAMPLED).is_valid
    assert traceparent_of(context_of(SAMPLED)) == SAMPLED


def test_alone_in_its_call_it_goes_on_in_the_calls_trace_under_a_span_of_its_own() -> None:
    carried = in_trace_of(SAMPLED)
    assert is_valid(carried.traceparent)
    assert trace_id(carried.traceparent) == TRACE
    assert span_id(carried.traceparent) != SPAN
    assert is_sampled(carried.traceparent)
    assert carried.call == SAMPLED


def test_beside_others_it_has_a_trace_of_its_own_and_names_the_call() -> None:
    carried = beside_others(SAMPLED, given=True, ratio=0)
    assert trace_id(carried.traceparent) != TRACE
    assert is_sampled(carried.traceparent)
    assert carried.call == SAMPLED


def test_the_callers_no_holds_whatever_the_share() -> None:
    assert in_trace_of(UNSAMPLED) == (UNSAMPLED, "")
    assert beside_others(UNSAMPLED, given=True, ratio=1) == (UNSAMPLED, "")


def test_without_a_caller_the_share_decides_for_each() -> None:
    none = [beside_others("", given=False, ratio=0) for _ in range(50)]
    assert not any(is_sampled(carried.traceparent) for carried in none)
    every = [beside_others("", given=False, ratio=1) for _ in range(50)]
    assert all(is_sampled(carried.traceparent) and not carried.call for carried in every)
    # The call itself was chosen, which says nothing of this one.
    assert not is_sampled(beside_others(SAMPLED, given=False, ratio=0).traceparent)
    assert beside_others(SAMPLED, given=False, ratio=1).call == SAMPLED


def test_a_call_that_was_not_chosen_has_an_unsampled_trace() -> None:
    carried = in_trace_of("")
    assert is_valid(carried.traceparent)
    assert not is_sampled(carried.traceparent)
    assert carried.traceparent != begin(sampled=False)
