"""The checker must see each answer that is not so, and each delivery before its time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos.checker import check
from tests.chaos.facts import Facts, Request
from tests.chaos.forged import BY_MAIL, FEED, IN_INBOX, MAIL, PLANNED, WHOLE, by_mail

INVALID = Request(
    request_id="bad", answers=(), invalid="RECIPIENT_NOT_FOUND", refusals=("RECIPIENT_NOT_FOUND",)
)
CANCELLED = replace(PLANNED, state="CANCELLED")


def request(**changes: object) -> Facts:
    asked = replace(Request(request_id="r", answers=("n",)), **changes)  # type: ignore[arg-type]
    return replace(WHOLE, requests=[asked])


def fates(mail: str, item: str, **changes: object) -> Facts:
    facts = request(cancelled=True, fates={"d-mail": mail, "d-item": item})
    return replace(facts, notifications=[CANCELLED], **changes)  # type: ignore[arg-type]


SOUND = {
    "refused for what it is": replace(WHOLE, requests=[*WHOLE.requests, INVALID]),
    "refused again and again alike": replace(
        WHOLE, requests=[*WHOLE.requests, replace(INVALID, refusals=INVALID.refusals * 3)]
    ),
    "its own answer": replace(request(order="7"), notifications=[replace(PLANNED, order="7")]),
    "left": fates("LEFT", "LEFT"),
    "in flight, and it went": fates("IN_FLIGHT", "IN_FLIGHT"),
    "in flight, and it did not": fates(
        "IN_FLIGHT", "IN_FLIGHT", deliveries=by_mail(state="CANCELLED", calls=()), mails=[]
    ),
    "in its time": replace(
        request(due=1.0), deliveries=[replace(row, claim_time=1.0) for row in (BY_MAIL, IN_INBOX)]
    ),
    "never planned": replace(
        request(cancelled=True, never_planned=True),
        notifications=[replace(CANCELLED, planned=frozenset())],
        deliveries=[],
        mails=[],
        feeds=[],
    ),
}

VIOLATED = {
    "valid and refused": ("answers", request(answers=(), refusals=("INVALID_FIELD",))),
    "refused for another's fault": (
        "answers",
        replace(
            WHOLE,
            requests=[*WHOLE.requests, replace(INVALID, refusals=("CATEGORY_NOT_FOUND",))],
        ),
    ),
    "invalid and accepted": ("answers", request(invalid="INVALID_FIELD")),
    "repeated and answered anew": ("answers", request(replays_differ=True)),
    "another's answer": (
        "answers",
        replace(request(order="7"), notifications=[replace(PLANNED, order="8")]),
    ),
    "one answer for two": (
        "answers",
        replace(WHOLE, requests=[*WHOLE.requests, Request(request_id="r2", answers=("n",))]),
    ),
    "left, and did not": (
        "answers",
        fates("LEFT", "LEFT", deliveries=by_mail(state="CANCELLED", calls=()), mails=[]),
    ),
    "stopped, and sent": ("answers", fates("STOPPED", "LEFT")),
    "in flight, and forgotten": (
        "answers",
        fates("IN_FLIGHT", "LEFT", deliveries=[IN_INBOX], mails=[]),
    ),
    "in flight, and tried again": (
        "answers",
        fates("IN_FLIGHT", "LEFT", deliveries=by_mail(state="RETRY", waits=True), mails=[]),
    ),
    "never planned, and seen": ("answers", request(cancelled=True, never_planned=True)),
    "never planned, and in the inbox": (
        "answers",
        replace(request(cancelled=True, never_planned=True), mails=[], feeds=[FEED]),
    ),
    "claimed too early": ("early", request(due=1.0)),
    "mailed too early": (
        "early",
        replace(
            request(due=3.0),
            deliveries=[replace(row, claim_time=3.0) for row in (BY_MAIL, IN_INBOX)],
            mails=[replace(MAIL, time=2.5)],
        ),
    ),
}


@pytest.mark.parametrize("name", SOUND)
def test_what_is_sound_passes(name: str) -> None:
    assert check(SOUND[name]).violations == ()


@pytest.mark.parametrize("name", VIOLATED)
def test_what_is_violated_is_seen(name: str) -> None:
    kind, facts = VIOLATED[name]
    assert getattr(check(facts), kind), check(facts)
