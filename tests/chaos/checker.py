"""What must hold after a run, as a pure function over the facts that were collected of it.

After Jepsen's `total-queue`: everything acknowledged comes out, nothing else does, and the history
ends with a full drain. LOST: accepted, not suppressed, and neither seen by the sink nor ended in a
way that says why. GHOST: came out without an accepted request or outside its one plan. DUPLICATE:
came out twice although no attempt's fate was unknown, or although its category forbids it. STUCK:
work that healing did not finish. FEED: an inbox that contradicts itself.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

EMAIL = 1
IN_APP = 2
_PLANNED = "PLANNED"
_SETTLED = frozenset({"PLANNED", "SUPPRESSED", "REJECTED", "EXPIRED", "CANCELLED", "DIGESTED"})
_ENDS = frozenset({"SENT", "FAILED", "UNKNOWN", "EXPIRED", "DEAD", "CANCELLED", "SUPPRESSED"})
_LEFT = frozenset({"ACCEPTED", "UNKNOWN"})
# The sink's clock and the database's are the same machine's, read at different moments.
_CLOCKS = 0.05
_EXPLAINED = frozenset({"FAILED", "EXPIRED", "CANCELLED", "SUPPRESSED"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client asked for, until it had an answer or was refused for good."""

    request_id: str
    answers: tuple[str, ...]
    """Notification ids, one per OK; a client may have asked again."""
    may_be_suppressed: bool = False
    """Its recipient once said no to a channel of its category."""
    cancelled: bool = False
    """Its client asked for it to be cancelled; perhaps without hearing an answer."""
    stopped: frozenset[str] = frozenset()
    """Deliveries of which the answer said that they were stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A row of ingestion."""

    notification_id: str
    state: str
    planned: frozenset[tuple[int, str]]
    """Channel and endpoint of each delivery of its stored plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An attempt in the log of a delivery."""

    outcome: str
    start: float
    finish: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A row of the ledger."""

    delivery_id: str
    notification_id: str
    channel: int
    endpoint: str
    state: str
    at_most_once: bool
    waits: bool = False
    """Has a time at which something is to happen next."""
    calls: tuple[Call, ...] = ()
    """Provider calls as the ledger logged them."""

    @property
    def unknown_attempts(self) -> int:
        """How many calls left it in doubt."""
        return sum(call.outcome == "UNKNOWN" for call in self.calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail that the sink had on disk before it answered."""

    delivery_id: str
    notification_id: str
    time: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An item of a feed."""

    item_id: str
    sequence: int
    created_sequence: int
    read: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A recipient's feed."""

    recipient: str
    sequence: int
    total: int
    unread: int
    items: tuple[Item, ...]
    listed: tuple[str, ...] | None = None
    """Item ids as the API lists them, if it was asked."""
    streamed: Mapping[str, int] | None = None
    """The last number of each item as an app had it from its stream, if one held it open."""
    stream_faults: tuple[str, ...] = ()
    """What that app met and the contract rules out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that was collected, after healing."""

    requests: Sequence[Request] = ()
    notifications: Sequence[Notification] = ()
    deliveries: Sequence[Delivery] = ()
    mails: Sequence[Mail] = ()
    feeds: Sequence[Feed] = ()
    left_over: Mapping[str, int] = field(default_factory=dict)
    """Rows by table that a drained system does not have: outbox, events, used credit…"""


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
    lost: tuple[str, ...]
    ghosts: tuple[str, ...]
    duplicates: tuple[str, ...]
    stuck: tuple[str, ...]
    feed: tuple[str, ...]

    @property
    def violations(self) -> tuple[str, ...]:
        """All of them."""
        return self.lost + self.ghosts + self.duplicates + self.stuck + self.feed


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
        lost=tuple(_lost(facts, seen)),
        ghosts=tuple(_ghosts(facts, ledger)),
        duplicates=tuple(
            f"DUPLICATE mail {d}: seen {count} times"
            for d, count in seen.items()
            if count > 1 and d not in doubled
        ),
        stuck=tuple(_stuck(facts)),
        feed=tuple(_contradictions(facts)),
    )


def _may_be_doubled(delivery: Delivery | None, count: int) -> bool:
    return (
        delivery is not None
        and not delivery.at_most_once
        and count - 1 <= delivery.unknown_attempts
    )


def _lost(facts: Facts, seen: Counter[str]) -> Iterator[str]:
    notifications = {n.notification_id: n for n in facts.notifications}
    deliveries = {(d.notification_id, d.channel, d.endpoint): d for d in facts.deliveries}
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
                row = deliveries.get((notification_id, channel, endpoint))
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
        (n.notification_id, channel, endpoint)
        for n in facts.notifications
        for channel, endpoint in n.planned
    }
    for row in facts.deliveries:
        if (row.notification_id, row.channel, row.endpoint) not in planned:
            yield f"GHOST delivery {row.delivery_id}: not in the plan of {row.notification_id}"


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
            fit = (c for c in calls if c.start - _CLOCKS <= arrival <= c.finish + _CLOCKS)
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


def _contradictions(facts: Facts) -> Iterator[str]:
    for feed in facts.feeds:
        name = f"FEED of {feed.recipient}"
        numbers = [item.sequence for item in feed.items]
        born = [item.created_sequence for item in feed.items]
        unread = sum(not item.read for item in feed.items)
        if len(set(numbers)) < len(numbers) or len(set(born)) < len(born):
            yield f"{name}: two changes share a number"
        if any(item.created_sequence > item.sequence for item in feed.items):
            yield f"{name}: an item changed before it was created"
        # Nothing is ever removed or superseded in these runs: each change is the birth of an item
        # or a later change of one, so the births and the last changes must fill the sequence.
        if feed.items and max(numbers) != feed.sequence:
            yield f"{name}: the head says {feed.sequence}, the last change is {max(numbers)}"
        if all(not item.read for item in feed.items) and sorted(born) != list(
            range(1, len(born) + 1)
        ):
            yield f"{name}: numbers are missing between 1 and {feed.sequence}"
        if (feed.total, feed.unread) != (len(feed.items), unread):
            yield (
                f"{name}: counts {feed.total} total, {feed.unread} unread;"
                f" there are {len(feed.items)} and {unread}"
            )
        yield from _listing(name, feed)
        yield from _stream(name, feed)


def _listing(name: str, feed: Feed) -> Iterator[str]:
    if feed.listed is None:
        return
    occurrences = Counter(feed.listed)
    for item in feed.items:
        count = occurrences.pop(item.item_id, 0)
        if count != 1:
            yield f"{name}: item {item.item_id} is listed {count} times"
    for item_id in occurrences:
        yield f"{name}: lists {item_id}, which it does not have"


def _stream(name: str, feed: Feed) -> Iterator[str]:
    yield from (f"{name}: its stream {fault}" for fault in feed.stream_faults)
    if feed.streamed is None:
        return
    truth = {item.item_id: item.sequence for item in feed.items}
    for item_id in truth.keys() | feed.streamed.keys():
        if truth.get(item_id) != feed.streamed.get(item_id):
            yield (
                f"{name}: its stream has {item_id} at {feed.streamed.get(item_id)},"
                f" the feed at {truth.get(item_id)}"
            )
