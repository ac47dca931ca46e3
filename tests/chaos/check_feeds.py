"""Whether inboxes agree with themselves, their listings, and what was streamed of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.chaos.facts import Facts, Feed


def contradictions(facts: Facts) -> Iterator[str]:
    """Yields a sentence for each contradiction."""
    for feed in facts.feeds:
        name = f"FEED of {feed.recipient}"
        numbers = [item.sequence for item in feed.items]
        born = [item.created_sequence for item in feed.items]
        unread = sum(not item.read for item in feed.items)
        if len(set(numbers)) < len(numbers) or len(set(born)) < len(born):
            yield f"{name}: two changes share a number"
        if any(item.created_sequence > item.sequence for item in feed.items):
            yield f"{name}: an item changed before it was created"
        # Nothing is ever removed in these runs: each change is the birth of an item or a later change
        # of one, so the births and the last changes must reach the end of the sequence.
        if feed.items and max(numbers) != feed.sequence:
            yield f"{name}: the head says {feed.sequence}, the last change is {max(numbers)}"
        missing = set(range(1, feed.sequence + 1)) - set(numbers) - set(born)
        # What is missing was a revision that a later one replaced.
        if all(not item.read for item in feed.items) and len(missing) > sum(
            max(0, item.revision - 2) for item in feed.items
        ):
            yield f"{name}: {len(missing)} numbers are missing between 1 and {feed.sequence}"
        if (feed.total, feed.unread) != (len(feed.items), unread):
            yield (
                f"{name}: counts {feed.total} total, {feed.unread} unread;"
                f" there are {len(feed.items)} and {unread}"
            )
        yield from _listing(name, feed)
        yield from _stream(name, feed)
        yield from _following(name, feed)


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


def _following(name: str, feed: Feed) -> Iterator[str]:
    """Who resumes from cursor to cursor has each item's birth once, all in order, to the end."""
    if feed.followed is None:
        return
    last = 0
    begun: Counter[str] = Counter()
    state: dict[str, int] = {}
    for change in feed.followed:
        if change.sequence <= last:
            yield f"{name}: its follower had change {change.sequence} after {last}"
        last = max(last, change.sequence)
        begun[change.item_id] += change.added
        state[change.item_id] = change.sequence
    for item_id, count in begun.items():
        # One that was amended while the follower was away may begin with its later change.
        if count > 1:
            yield f"{name}: its follower was given {item_id} as new {count} times"
    truth = {item.item_id: item.sequence for item in feed.items}
    for item_id in truth.keys() | state.keys():
        if truth.get(item_id) != state.get(item_id):
            yield (
                f"{name}: its follower has {item_id} at {state.get(item_id)},"
                f" the feed at {truth.get(item_id)}"
            )
