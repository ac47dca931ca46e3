"""Facts of a run in which all went well, for tests to spoil."""

from __future__ import annotations

from dataclasses import replace

from tests.chaos.facts import (
    EMAIL,
    IN_APP,
    Call,
    Delivery,
    Facts,
    Feed,
    Item,
    Mail,
    Notification,
    Request,
)

HOME = "alice@example.com"
MAIL = Mail(delivery_id="d-mail", notification_id="n", time=2)
BY_MAIL = Delivery(
    delivery_id="d-mail",
    notification_id="n",
    channel=EMAIL,
    endpoint=HOME,
    state="SENT",
    at_most_once=False,
    calls=(Call(outcome="ACCEPTED", start=1, finish=3),),
)
IN_INBOX = Delivery(
    delivery_id="d-item",
    notification_id="n",
    channel=IN_APP,
    endpoint="alice",
    state="SENT",
    at_most_once=False,
)
FEED = Feed(
    recipient="alice",
    sequence=1,
    total=1,
    unread=1,
    items=(Item(item_id="n", sequence=1, created_sequence=1),),
    listed=("n",),
)
PLANNED = Notification(
    notification_id="n", state="PLANNED", planned=frozenset({(EMAIL, HOME), (IN_APP, "alice")})
)
WHOLE = Facts(
    requests=[Request(request_id="r", answers=("n",))],
    notifications=[PLANNED],
    deliveries=[BY_MAIL, IN_INBOX],
    mails=[MAIL],
    feeds=[FEED],
    left_over={"messages": 0},
)
UNKNOWN = Call(outcome="UNKNOWN", start=0, finish=2.5)


def by_mail(**changes: object) -> list[Delivery]:
    return [replace(BY_MAIL, **changes), IN_INBOX]  # type: ignore[arg-type]


def feed(**changes: object) -> list[Feed]:
    return [replace(FEED, **changes)]  # type: ignore[arg-type]


def items(*numbers: tuple[int, int]) -> tuple[Item, ...]:
    return tuple(
        Item(item_id="n" if i == 0 else f"n{i}", created_sequence=born, sequence=last)
        for i, (born, last) in enumerate(numbers)
    )
