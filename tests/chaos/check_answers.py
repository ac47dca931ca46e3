"""Whether what clients were told is so, and nothing left before its time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tests.chaos.facts import CLOCKS, Delivery, Facts, Request

_ENDS_OF = {
    "STOPPED": frozenset({"CANCELLED", "FAILED", "EXPIRED", "DEAD", "SUPPRESSED"}),
    "LEFT": frozenset({"SENT", "UNKNOWN"}),
    "IN_FLIGHT": frozenset({"SENT", "UNKNOWN", "CANCELLED", "FAILED", "EXPIRED", "DEAD"}),
}


def answers(facts: Facts) -> Iterator[str]:
    """Yields a sentence for each answer that is not so."""
    ledger = {delivery.delivery_id: delivery for delivery in facts.deliveries}
    arrived = {mail.notification_id for mail in facts.mails} | {
        item.item_id for feed in facts.feeds for item in feed.items
    }
    for request in facts.requests:
        yield from _verdict_on_entry(request)
        yield from _fates(request, ledger)
        if request.never_planned and arrived.intersection(request.answers):
            yield f"ANSWER to {request.request_id}: nothing was planned, it said, and yet it arrived"
    yield from _mixed_up(facts)


def early(facts: Facts) -> Iterator[str]:
    """Yields a sentence for each delivery that was begun before its notification's send time."""
    due = {answer: r.due for r in facts.requests if r.due for answer in r.answers}
    for row in facts.deliveries:
        ahead = due.get(row.notification_id, 0.0) - CLOCKS - row.claim_time
        if ahead > 0:
            yield f"EARLY delivery {row.delivery_id}: claimed {ahead:.2f} s before its time"
    for mail in facts.mails:
        ahead = due.get(mail.notification_id, 0.0) - CLOCKS - mail.time
        if ahead > 0:
            yield f"EARLY mail {mail.delivery_id}: seen {ahead:.2f} s before its time"


def _verdict_on_entry(request: Request) -> Iterator[str]:
    name = f"ANSWER to {request.request_id}"
    if request.replays_differ:
        yield f"{name}: a repeat was not answered as the first time"
    if request.invalid and request.answers:
        yield f"{name}: accepted, though it is {request.invalid}"
    for reason in set(request.refusals) - {request.invalid}:
        yield f"{name}: refused with {reason}, though it is {request.invalid or 'valid'}"


def _fates(request: Request, ledger: dict[str, Delivery]) -> Iterator[str]:
    for delivery_id, fate in request.fates.items():
        row = ledger.get(delivery_id)
        state = row.state if row is not None else "not there"
        if state not in _ENDS_OF[fate]:
            yield f"ANSWER to {request.request_id}: {delivery_id} was {fate}, and ended {state}"


def _mixed_up(facts: Facts) -> Iterator[str]:
    """Each request must have been answered with the notification that it became."""
    order = {stored.notification_id: stored.order for stored in facts.notifications}
    asked: dict[str, set[str]] = defaultdict(set)
    for request in facts.requests:
        for answer in set(request.answers):
            if request.key:
                continue
            asked[answer].add(request.request_id)
            if request.order and order.get(answer, request.order) != request.order:
                yield f"ANSWER to {request.request_id}: names {answer}, which is another's"
    for answer, requests in asked.items():
        if len(requests) > 1:
            yield f"ANSWER {answer} was given to {len(requests)} requests"
