"""What must hold after a run, as a pure function over the facts that were collected of it.

After Jepsen's `total-queue`: everything acknowledged comes out, nothing else does, and the history
ends with a full drain. LOST: accepted, not suppressed, and neither seen by the sink nor ended in a
way that says why. GHOST: came out without an accepted request or outside its plans. DUPLICATE:
came out twice although no attempt's fate was unknown, or although its category forbids it. STUCK:
work that healing did not finish. ANSWER: what a client was told is not so. AMEND: a collapse key that
ended in anything but its last word. EARLY: out before its time. FEED: an inbox that contradicts itself.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.chaos.check_amends import amends
from tests.chaos.check_answers import answers, early
from tests.chaos.check_feeds import contradictions
from tests.chaos.facts import CLOCKS, EMAIL, IN_APP, Delivery, Facts

_PLANNED = "PLANNED"
_SETTLED = frozenset({"PLANNED", "SUPPRESSED", "REJECTED", "EXPIRED", "CANCELLED", "DIGESTED"})
_ENDS = frozenset({"SENT", "FAILED", "UNKNOWN", "EXPIRED", "DEAD", "CANCELLED", "SUPPRESSED"})
_LEFT = frozenset({"ACCEPTED", "UNKNOWN"})
_EXPLAINED = frozenset({"FAILED", "EXPIRED", "CANCELLED", "SUPPRESSED"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Counts, and a sentence for each violation."""

    attempts: int
    acknowledged: int
    mails: int
    feed_items: int
    doubled: int
    """Deliveries seen twice that may be."""
    unknown: int
    """Deliveries of which an attempt's fate was unknown."""
    covered: Mapping[str, int]
    """How much of what is rare was there to be judged."""
    lost: tuple[str, ...]
    ghosts: tuple[str, ...]
    duplicates: tuple[str, ...]
    stuck: tuple[str, ...]
    answers: tuple[str, ...]
    amends: tuple[str, ...]
    early: tuple[str, ...]
    feed: tuple[str, ...]

    @property
    def violations(self) -> tuple[str, ...]:
        """All of them."""
        return (
            *self.lost,
            *self.ghosts,
            *self.duplicates,
            *self.stuck,
            *self.answers,
            *self.amends,
            *self.early,
            *self.feed,
        )


def check(facts: Facts) -> Verdict:
    """Returns what holds and what does not."""
    seen = Counter(mail.delivery_id for mail in facts.mails)
    ledger = {delivery.delivery_id: delivery for delivery in facts.deliveries}
    doubled = {
        d for d, count in seen.items() if count > 1 and _may_be_doubled(ledger.get(d), count)
    }
    return Verdict(
        attempts=len(facts.requests),
        acknowledged=sum(bool(request.answers) for request in facts.requests),
        mails=len(facts.mails),
        feed_items=sum(len(feed.items) for feed in facts.feeds),
        doubled=len(doubled),
        unknown=sum(delivery.unknown_attempts > 0 for delivery in facts.deliveries),
        covered=_covered(facts),
        lost=tuple(_lost(facts, seen)),
        ghosts=tuple(_ghosts(facts, ledger)),
        duplicates=tuple(
            f"DUPLICATE mail {d}: seen {count} times"
            for d, count in seen.items()
            if count > 1 and d not in doubled
        ),
        stuck=tuple(_stuck(facts)),
        answers=tuple(answers(facts)),
        amends=tuple(amends(facts)),
        early=tuple(early(facts)),
        feed=tuple(contradictions(facts)),
    )


def _covered(facts: Facts) -> dict[str, int]:
    sends = Counter(request.key for request in facts.requests if request.key and request.answers)
    return {
        "invalid entries": sum(bool(request.refusals) for request in facts.requests),
        "amended keys": sum(count > 1 for count in sends.values()),
        "scheduled": sum(bool(request.due and request.answers) for request in facts.requests),
        "stopped deliveries": sum(len(request.stopped) for request in facts.requests),
    }


def _may_be_doubled(delivery: Delivery | None, count: int) -> bool:
    return (
        delivery is not None
        and not delivery.at_most_once
        and count - 1 <= delivery.unknown_attempts
    )


def _lost(facts: Facts, seen: Counter[str]) -> Iterator[str]:
    notifications = {n.notification_id: n for n in facts.notifications}
    deliveries = {
        (d.notification_id, d.revision, d.channel, d.endpoint): d for d in facts.deliveries
    }
    items = {item.item_id for feed in facts.feeds for item in feed.items}
    for request in facts.requests:
        for notification_id in request.answers[:1]:
            stored = notifications.get(notification_id)
            if stored is None:
                yield f"LOST notification {notification_id}: was answered OK and is not stored"
                continue
            if stored.state == "SUPPRESSED" and not request.may_be_suppressed:
                yield f"LOST notification {notification_id}: suppressed, and nobody asked for that"
            if stored.state == "CANCELLED" and not request.cancelled:
                yield f"LOST notification {notification_id}: cancelled, and nobody asked for that"
            for channel, endpoint in sorted(stored.planned):
                row = deliveries.get((notification_id, stored.revision, channel, endpoint))
                if stored.state == _PLANNED or (row is not None and row.state == "SENT"):
                    yield from _lost_delivery(notification_id, channel, row, seen, items)


def _lost_delivery(
    notification_id: str, channel: int, row: Delivery | None, seen: Counter[str], items: set[str]
) -> Iterator[str]:
    if row is None:
        yield f"LOST notification {notification_id}: the ledger has nothing for channel {channel}"
        return
    arrived = row.delivery_id in seen if channel == EMAIL else notification_id in items
    undecided = row.state == "UNKNOWN" and row.at_most_once
    if not arrived and not undecided and row.state not in _EXPLAINED:
        yield (
            f"LOST delivery {row.delivery_id} of {notification_id}, channel {channel}:"
            f" {row.state} and never arrived"
        )


def _ghosts(facts: Facts, ledger: Mapping[str, Delivery]) -> Iterator[str]:
    accepted = {answer for request in facts.requests for answer in request.answers}
    for request in facts.requests:
        if len(set(request.answers)) > 1:
            yield f"GHOST request {request.request_id}: answered with several notifications"
    for stored in facts.notifications:
        if stored.notification_id not in accepted:
            yield f"GHOST notification {stored.notification_id}: no request was answered with it"
    for feed in facts.feeds:
        for item in feed.items:
            if item.item_id not in accepted:
                yield f"GHOST item {item.item_id} of {feed.recipient}"
    yield from _unplanned(facts)
    yield from _unstopped(facts, ledger)
    yield from _unexplained(facts, ledger)


def _unplanned(facts: Facts) -> Iterator[str]:
    planned = {
        (n.notification_id, *delivery) for n in facts.notifications for delivery in n.all_planned
    }
    for row in facts.deliveries:
        if (row.notification_id, row.revision, row.channel, row.endpoint) not in planned:
            yield f"GHOST delivery {row.delivery_id}: in no plan of {row.notification_id}"


def _unstopped(facts: Facts, ledger: Mapping[str, Delivery]) -> Iterator[str]:
    mailed = {mail.delivery_id for mail in facts.mails}
    items = {item.item_id for feed in facts.feeds for item in feed.items}
    for request in facts.requests:
        for delivery_id in sorted(request.stopped):
            row = ledger.get(delivery_id)
            in_app = row is not None and row.channel == IN_APP and row.notification_id in items
            if delivery_id in mailed or in_app:
                yield f"GHOST delivery {delivery_id}: left although it was said to be stopped"


def _unexplained(facts: Facts, ledger: Mapping[str, Delivery]) -> Iterator[str]:
    """Each mail must be the work of an attempt of its own that the ledger knows of."""
    times: dict[str, list[float]] = defaultdict(list)
    for mail in facts.mails:
        if mail.delivery_id in ledger:
            times[mail.delivery_id].append(mail.time)
        else:
            yield f"GHOST mail {mail.delivery_id}: the ledger does not have it"
    for delivery_id, arrivals in times.items():
        # Points and intervals: taking the interval that ends first matches as many as can be.
        calls = sorted(
            (c for c in ledger[delivery_id].calls if c.outcome in _LEFT), key=lambda c: c.finish
        )
        for arrival in sorted(arrivals):
            fit = (c for c in calls if c.start - CLOCKS <= arrival <= c.finish + CLOCKS)
            if (call := next(fit, None)) is None:
                yield f"GHOST mail {delivery_id}: no logged attempt sent it"
            else:
                calls.remove(call)


def _stuck(facts: Facts) -> Iterator[str]:
    for stored in facts.notifications:
        if stored.state not in _SETTLED:
            yield f"STUCK notification {stored.notification_id}: {stored.state}"
    for row in facts.deliveries:
        if row.state not in _ENDS or row.waits:
            yield f"STUCK delivery {row.delivery_id}: {row.state}"
    for table, count in facts.left_over.items():
        if count:
            yield f"STUCK {table}: {count} left"
