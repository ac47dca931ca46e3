"""Whether each collapse key ended in its last word, and said no more by mail than it may."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from tests.chaos.facts import CLOCKS, EMAIL, Delivery, Facts, Item, Mail, Notification, Request


def amends(facts: Facts) -> Iterator[str]:
    """Yields a sentence for each key that did not. Keys are never cancelled in these runs."""
    sends: dict[str, list[Request]] = defaultdict(list)
    for request in facts.requests:
        if request.key and request.answers:
            sends[request.key].append(request)
    stored = {n.notification_id: n for n in facts.notifications}
    items = {item.item_id: item for feed in facts.feeds for item in feed.items}
    rows: dict[str, list[Delivery]] = defaultdict(list)
    for row in facts.deliveries:
        rows[row.notification_id].append(row)
    mails: dict[str, list[Mail]] = defaultdict(list)
    for mail in facts.mails:
        mails[mail.notification_id].append(mail)
    for key, requests in sends.items():
        name = f"AMEND of {key}"
        named = {answer for request in requests for answer in request.answers}
        if len(named) > 1:
            yield f"{name}: {len(named)} notifications are alive"
            continue
        yield from _numbering(name, requests)
        (notification_id,) = named
        notification = stored.get(notification_id)
        if notification is not None:
            yield from _last_word(name, requests, notification, items.get(notification_id))
            yield from _mailed(name, notification, rows[notification_id], mails[notification_id])


def _numbering(name: str, requests: Sequence[Request]) -> Iterator[str]:
    revisions = sorted(request.revision for request in requests)
    if revisions != list(range(1, len(requests) + 1)):
        yield f"{name}: {len(requests)} sends were answered with revisions {revisions}"


def _last_word(
    name: str, requests: Sequence[Request], notification: Notification, item: Item | None
) -> Iterator[str]:
    last = max(requests, key=lambda request: request.revision)
    if (notification.revision, notification.order) != (last.revision, last.order):
        yield f"{name}: revision {notification.revision} is stored, {last.revision} was accepted"
    if item is not None and (item.revision, item.title) != (last.revision, f"Order {last.order}"):
        yield (
            f"{name}: the inbox says {item.title!r} of revision {item.revision},"
            f" the last word was {last.order} of revision {last.revision}"
        )


def _mailed(
    name: str, notification: Notification, rows: Sequence[Delivery], mails: Sequence[Mail]
) -> Iterator[str]:
    """The next revision is planned when nothing of the last can leave any more, and not by mail if
    that has left: so one revision at most is mailed, and an older one before the last was planned."""
    revision_of = {row.delivery_id: row.revision for row in rows}
    seen = {revision_of[mail.delivery_id] for mail in mails if mail.delivery_id in revision_of}
    if len(seen) > 1:
        yield f"{name}: revisions {sorted(seen)} were all mailed"
    for mail in mails:
        revision = revision_of.get(mail.delivery_id, notification.revision)
        late = mail.time - notification.plan_time - CLOCKS
        if revision < notification.revision and late > 0:
            yield f"{name}: revision {revision} was mailed {late:.2f} s after the last was planned"
    by_mail = any(channel == EMAIL for channel, _ in notification.planned)
    undecided = any(row.channel == EMAIL and row.state == "UNKNOWN" for row in rows)
    if notification.state == "PLANNED" and not (by_mail or seen or undecided):
        yield f"{name}: no revision was mailed, and the last was not to be"
