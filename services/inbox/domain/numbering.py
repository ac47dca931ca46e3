"""Gives changes their numbers in the feeds of their recipients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from libs.values import value
from services.inbox.domain.models import Counts, Delivery, Head, InboxKey


@value
class Present:
    """An item that is there already."""

    revision: int
    read: bool


@value
class Numbered:
    """A delivery to write, with its number."""

    delivery: Delivery
    sequence: int


@value
class Numbering:
    """What a batch of deliveries comes to."""

    writes: tuple[Numbered, ...]
    heads: Mapping[InboxKey, Head]
    """Heads that move, as they are afterwards."""


def number_deliveries(
    deliveries: Iterable[Delivery],
    heads: Mapping[InboxKey, Head],
    present: Mapping[tuple[InboxKey, UUID], Present],
) -> Numbering:
    """Numbers what must be written, consecutively for each recipient and in the order of the batch.

    An item that is there in this or a newer revision is left alone; an older one is replaced and
    becomes unread again. Of several revisions of one item in a batch only the newest counts.
    """
    moved: dict[InboxKey, Head] = {}
    writes = []
    for delivery in _newest_revisions(deliveries):
        before = present.get((delivery.key, delivery.item_id))
        if before is not None and before.revision >= delivery.revision:
            continue
        head = _advance(moved.get(delivery.key, heads[delivery.key]), before)
        moved[delivery.key] = head
        writes.append(Numbered(delivery=delivery, sequence=head.sequence))
    return Numbering(writes=tuple(writes), heads=moved)


def _newest_revisions(deliveries: Iterable[Delivery]) -> list[Delivery]:
    newest: dict[tuple[InboxKey, UUID], Delivery] = {}
    for delivery in deliveries:
        name = (delivery.key, delivery.item_id)
        known = newest.get(name)
        if known is None or known.revision < delivery.revision:
            newest[name] = delivery
    return list(newest.values())


def _advance(head: Head, before: Present | None) -> Head:
    was_unread = before is not None and not before.read
    counts = Counts(
        unread=head.counts.unread + (0 if was_unread else 1),
        total=head.counts.total + (1 if before is None else 0),
    )
    return Head(epoch=head.epoch, sequence=head.sequence + 1, floor=head.floor, counts=counts)
