"""The checker must see each way in which a collapse key can end in anything but its last word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos.checker import check
from tests.chaos.facts import EMAIL, IN_APP, Facts, Item, Mail, Notification, Request
from tests.chaos.forged import BY_MAIL, FEED, HOME, IN_INBOX, MAIL

FIRST = Request(request_id="r1", answers=("n",), order="1", key="t/alice/key")
SECOND = replace(FIRST, request_id="r2", revision=2, order="2")
ITEM = Item(item_id="n", sequence=2, created_sequence=1, revision=2, title="Order 2")
INBOX_ROWS = [IN_INBOX, replace(IN_INBOX, delivery_id="d-item2", revision=2)]
AMENDED = Notification(
    notification_id="n",
    state="PLANNED",
    revision=2,
    order="2",
    planned=frozenset({(IN_APP, "alice")}),
    plan_time=5,
    earlier=frozenset({(1, EMAIL, HOME), (1, IN_APP, "alice")}),
)
LEFT_BEFORE = Facts(
    requests=[FIRST, SECOND],
    notifications=[AMENDED],
    deliveries=[BY_MAIL, *INBOX_ROWS],
    mails=[MAIL],
    feeds=[replace(FEED, sequence=2, items=(ITEM,))],
    left_over={},
)
"""The mail left as revision 1; the second word replaced the item only."""
SECOND_MAIL = replace(
    BY_MAIL,
    delivery_id="d-mail2",
    revision=2,
    calls=(replace(BY_MAIL.calls[0], start=6, finish=8),),
)
STOPPED_FIRST = replace(
    LEFT_BEFORE,
    notifications=[replace(AMENDED, planned=frozenset({(EMAIL, HOME), (IN_APP, "alice")}))],
    deliveries=[replace(BY_MAIL, state="CANCELLED", calls=()), SECOND_MAIL, *INBOX_ROWS],
    mails=[Mail(delivery_id="d-mail2", notification_id="n", time=7)],
)
"""The mail of revision 1 was stopped; the second word went out instead."""


def amended(**changes: object) -> list[Notification]:
    return [replace(AMENDED, **changes)]  # type: ignore[arg-type]


def inbox(**changes: object) -> Facts:
    item = replace(ITEM, **changes)  # type: ignore[arg-type]
    return replace(LEFT_BEFORE, feeds=[replace(FEED, sequence=2, items=(item,))])


SOUND = {
    "left before": LEFT_BEFORE,
    "stopped first": STOPPED_FIRST,
    "in doubt before": replace(
        LEFT_BEFORE,
        deliveries=[replace(BY_MAIL, state="UNKNOWN", at_most_once=True, calls=()), *INBOX_ROWS],
        mails=[],
    ),
    "only the last word was written": replace(
        STOPPED_FIRST, feeds=[replace(FEED, items=(replace(ITEM, sequence=1),))]
    ),
}

VIOLATED = {
    "two are alive": replace(
        LEFT_BEFORE,
        requests=[FIRST, replace(SECOND, answers=("m",))],
        notifications=[*amended(), replace(AMENDED, notification_id="m")],
    ),
    "a revision twice": replace(LEFT_BEFORE, requests=[FIRST, replace(SECOND, revision=1)]),
    "a revision left out": replace(LEFT_BEFORE, requests=[FIRST, replace(SECOND, revision=3)]),
    "the last is not stored": replace(LEFT_BEFORE, notifications=amended(order="1")),
    "the inbox has the first word": inbox(revision=1, title="Order 1", sequence=2),
    "the inbox has other words": inbox(title="Order 1"),
    "both were mailed": replace(
        STOPPED_FIRST,
        deliveries=[BY_MAIL, SECOND_MAIL, *INBOX_ROWS],
        mails=[MAIL, *STOPPED_FIRST.mails],
    ),
    "the first was mailed after the last was planned": replace(
        LEFT_BEFORE,
        deliveries=[
            replace(BY_MAIL, calls=(replace(BY_MAIL.calls[0], start=6, finish=8),)),
            *INBOX_ROWS,
        ],
        mails=[replace(MAIL, time=7)],
    ),
    "none was mailed": replace(
        LEFT_BEFORE,
        deliveries=[replace(BY_MAIL, state="CANCELLED", calls=()), *INBOX_ROWS],
        mails=[],
    ),
}


@pytest.mark.parametrize("name", SOUND)
def test_what_is_sound_passes(name: str) -> None:
    assert check(SOUND[name]).violations == ()


@pytest.mark.parametrize("name", VIOLATED)
def test_what_is_violated_is_seen(name: str) -> None:
    assert check(VIOLATED[name]).amends, check(VIOLATED[name])


def test_a_delivery_of_an_earlier_revision_must_have_been_planned() -> None:
    facts = replace(LEFT_BEFORE, notifications=amended(earlier=frozenset({(1, EMAIL, HOME)})))
    assert [v for v in check(facts).ghosts if "in no plan" in v]


def test_the_last_revision_must_arrive() -> None:
    facts = replace(STOPPED_FIRST, mails=[])
    assert check(facts).lost
