"""The checker must see each way in which a system can fail, and nothing where it did not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos.checker import check
from tests.chaos.facts import Call, Change, Facts, Item, Mail, Request
from tests.chaos.forged import (
    BY_MAIL,
    MAIL,
    PLANNED,
    UNKNOWN,
    WHOLE,
    by_mail,
    feed,
    items,
)

FIRST_CHANGE = Change(item_id="n", sequence=1, added=True)
LATER_CHANGE = Change(item_id="n", sequence=2, added=False)
SOUND: dict[str, Facts] = {
    "all of it": WHOLE,
    "nothing": Facts(),
    "never answered, nothing came of it": replace(
        WHOLE, requests=[*WHOLE.requests, Request(request_id="r2", answers=())]
    ),
    "answered twice alike": replace(WHOLE, requests=[Request(request_id="r", answers=("n", "n"))]),
    "failed with a reason": replace(WHOLE, deliveries=by_mail(state="FAILED"), mails=[]),
    "expired": replace(WHOLE, deliveries=by_mail(state="EXPIRED"), mails=[]),
    "in doubt, at most once": replace(
        WHOLE, deliveries=by_mail(state="UNKNOWN", at_most_once=True, calls=(UNKNOWN,)), mails=[]
    ),
    "suppressed by the recipient": Facts(
        requests=[Request(request_id="r", answers=("n",), may_be_suppressed=True)],
        notifications=[replace(PLANNED, state="SUPPRESSED", planned=frozenset())],
    ),
    "doubled after a doubt": replace(
        WHOLE, deliveries=by_mail(calls=(UNKNOWN, *BY_MAIL.calls)), mails=[MAIL, MAIL]
    ),
    "cancelled before it was claimed": replace(
        WHOLE,
        requests=[Request(request_id="r", answers=("n",), cancelled=True)],
        notifications=[replace(PLANNED, state="CANCELLED")],
        deliveries=[],
        mails=[],
        feeds=[],
    ),
    "stopped": replace(
        WHOLE,
        requests=[
            Request(request_id="r", answers=("n",), cancelled=True, fates={"d-mail": "STOPPED"})
        ],
        notifications=[replace(PLANNED, state="CANCELLED")],
        deliveries=by_mail(state="CANCELLED", calls=()),
        mails=[],
    ),
    "streamed": replace(WHOLE, feeds=feed(streamed={"n": 1})),
    "followed": replace(WHOLE, feeds=feed(followed=(FIRST_CHANGE,))),
    "amended while followed": replace(
        WHOLE, feeds=feed(sequence=2, items=items((1, 2)), followed=(FIRST_CHANGE, LATER_CHANGE))
    ),
    "read": replace(
        WHOLE,
        feeds=feed(
            unread=0,
            sequence=2,
            items=(Item(item_id="n", created_sequence=1, sequence=2, read=True),),
        ),
    ),
}

VIOLATED: dict[str, tuple[str, Facts]] = {
    "not stored": ("lost", replace(WHOLE, notifications=[], deliveries=[], mails=[], feeds=[])),
    "no delivery": ("lost", replace(WHOLE, deliveries=[BY_MAIL])),
    "sent, never seen": ("lost", replace(WHOLE, mails=[])),
    "delivered, no item": ("lost", replace(WHOLE, feeds=[])),
    "in doubt, at least once": (
        "lost",
        replace(WHOLE, deliveries=by_mail(state="UNKNOWN", calls=(UNKNOWN,)), mails=[]),
    ),
    "dead": ("lost", replace(WHOLE, deliveries=by_mail(state="DEAD"), mails=[])),
    "suppressed by nobody": (
        "lost",
        replace(
            WHOLE,
            notifications=[replace(PLANNED, state="SUPPRESSED", planned=frozenset())],
            deliveries=[],
            mails=[],
            feeds=[],
        ),
    ),
    "stored for nobody": (
        "ghosts",
        replace(
            WHOLE, notifications=[PLANNED, replace(PLANNED, notification_id="m", state="EXPIRED")]
        ),
    ),
    "two notifications for a request": (
        "ghosts",
        replace(
            WHOLE,
            requests=[Request(request_id="r", answers=("n", "m"))],
            notifications=[PLANNED, replace(PLANNED, notification_id="m", state="EXPIRED")],
        ),
    ),
    "planned twice": (
        "ghosts",
        replace(
            WHOLE,
            deliveries=[
                *WHOLE.deliveries,
                replace(BY_MAIL, delivery_id="d-old", endpoint="old@example.com"),
            ],
        ),
    ),
    "mail of no delivery": (
        "ghosts",
        replace(WHOLE, mails=[MAIL, Mail(delivery_id="x", notification_id="n")]),
    ),
    "mail of no attempt": ("ghosts", replace(WHOLE, mails=[replace(MAIL, time=9)])),
    "item of no request": (
        "ghosts",
        replace(
            WHOLE,
            feeds=feed(
                sequence=2, total=2, unread=2, items=items((1, 1), (2, 2)), listed=("n", "n1")
            ),
        ),
    ),
    "doubled without a doubt": (
        "duplicates",
        replace(WHOLE, deliveries=by_mail(calls=BY_MAIL.calls * 2), mails=[MAIL, MAIL]),
    ),
    "doubled, at most once": (
        "duplicates",
        replace(
            WHOLE,
            deliveries=by_mail(at_most_once=True, calls=(UNKNOWN, *BY_MAIL.calls)),
            mails=[MAIL, MAIL],
        ),
    ),
    "three after one doubt": (
        "duplicates",
        replace(WHOLE, deliveries=by_mail(calls=(UNKNOWN, *BY_MAIL.calls * 2)), mails=[MAIL] * 3),
    ),
    "never planned": (
        "stuck",
        replace(
            WHOLE,
            notifications=[replace(PLANNED, state="ACCEPTED", planned=frozenset())],
            deliveries=[],
            mails=[],
            feeds=[],
        ),
    ),
    "still being sent": ("stuck", replace(WHOLE, deliveries=by_mail(state="SENDING"))),
    "to be tried again": ("stuck", replace(WHOLE, deliveries=by_mail(state="RETRY", waits=True))),
    "in doubt and due": (
        "stuck",
        replace(WHOLE, deliveries=by_mail(state="UNKNOWN", waits=True, calls=(UNKNOWN,))),
    ),
    "messages left": ("stuck", replace(WHOLE, left_over={"messages": 1})),
    "a number missing": (
        "feed",
        replace(WHOLE, feeds=feed(sequence=2, items=items((2, 2)))),
    ),
    "head behind": ("feed", replace(WHOLE, feeds=feed(sequence=0))),
    "head ahead": ("feed", replace(WHOLE, feeds=feed(sequence=2))),
    "changed before it was born": (
        "feed",
        replace(WHOLE, feeds=feed(items=items((2, 1)))),
    ),
    "miscounted": ("feed", replace(WHOLE, feeds=feed(total=2))),
    "unread miscounted": ("feed", replace(WHOLE, feeds=feed(unread=0))),
    "listed twice": ("feed", replace(WHOLE, feeds=feed(listed=("n", "n")))),
    "not listed": ("feed", replace(WHOLE, feeds=feed(listed=()))),
    "cancelled by nobody": (
        "lost",
        replace(
            WHOLE,
            notifications=[replace(PLANNED, state="CANCELLED")],
            deliveries=[],
            mails=[],
            feeds=[],
        ),
    ),
    "sent before it was cancelled, never seen": (
        "lost",
        replace(
            WHOLE,
            requests=[Request(request_id="r", answers=("n",), cancelled=True)],
            notifications=[replace(PLANNED, state="CANCELLED")],
            mails=[],
        ),
    ),
    "mailed although stopped": (
        "ghosts",
        replace(
            WHOLE,
            requests=[
                Request(request_id="r", answers=("n",), cancelled=True, fates={"d-mail": "STOPPED"})
            ],
        ),
    ),
    "in the inbox although stopped": (
        "ghosts",
        replace(
            WHOLE,
            requests=[
                Request(request_id="r", answers=("n",), cancelled=True, fates={"d-item": "STOPPED"})
            ],
        ),
    ),
    "followed, not given": ("feed", replace(WHOLE, feeds=feed(followed=()))),
    "followed, given twice": ("feed", replace(WHOLE, feeds=feed(followed=(FIRST_CHANGE,) * 2))),
    "followed, given a stranger": (
        "feed",
        replace(WHOLE, feeds=feed(followed=(FIRST_CHANGE, replace(LATER_CHANGE, item_id="x")))),
    ),
    "followed, born twice": (
        "feed",
        replace(
            WHOLE,
            feeds=feed(
                sequence=2,
                items=items((1, 2)),
                followed=(FIRST_CHANGE, replace(LATER_CHANGE, added=True)),
            ),
        ),
    ),
    "followed, out of order": (
        "feed",
        replace(
            WHOLE,
            feeds=feed(
                sequence=2,
                total=2,
                unread=2,
                items=items((1, 1), (2, 2)),
                listed=None,
                followed=(Change(item_id="n1", sequence=2, added=True), FIRST_CHANGE),
            ),
        ),
    ),
    "not streamed": ("feed", replace(WHOLE, feeds=feed(streamed={}))),
    "streamed a stranger": ("feed", replace(WHOLE, feeds=feed(streamed={"n": 1, "x": 2}))),
    "streamed an old state": ("feed", replace(WHOLE, feeds=feed(streamed={"n": 0}))),
    "stream out of order": ("feed", replace(WHOLE, feeds=feed(stream_faults=("2 after 3",)))),
    "lists a stranger": ("feed", replace(WHOLE, feeds=feed(listed=("n", "x")))),
}


@pytest.mark.parametrize("name", SOUND)
def test_what_is_sound_passes(name: str) -> None:
    assert check(SOUND[name]).violations == ()


@pytest.mark.parametrize("name", VIOLATED)
def test_what_is_violated_is_seen(name: str) -> None:
    kind, facts = VIOLATED[name]
    assert getattr(check(facts), kind), check(facts)


def test_two_changes_never_share_a_number() -> None:
    facts = replace(WHOLE, feeds=feed(total=2, unread=2, items=items((1, 1), (1, 1)), listed=None))
    assert any("share" in violation for violation in check(facts).feed)


def test_each_mail_needs_an_attempt_of_its_own() -> None:
    """Three mails, two attempts around them: matching must neither miss one nor see four."""
    calls = (
        Call(outcome="UNKNOWN", start=0, finish=10),
        Call(outcome="TRANSIENT", start=0, finish=10),
        Call(outcome="ACCEPTED", start=0, finish=2),
    )
    mails = [replace(MAIL, time=time) for time in (1, 5, 6)]
    found = check(replace(WHOLE, deliveries=by_mail(calls=calls), mails=mails)).ghosts
    assert len(found) == 1


def test_counts() -> None:
    verdict = check(SOUND["doubled after a doubt"])
    assert (verdict.attempts, verdict.acknowledged, verdict.mails) == (1, 1, 2)
    assert (verdict.feed_items, verdict.doubled, verdict.unknown) == (1, 1, 1)
