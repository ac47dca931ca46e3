"""What a batch of statements changes: which deliveries are written, and which counts move."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from services.tracking.domain.models import Delivery, Fact


class FactKey(NamedTuple):
    """That a kind of fact is known of a notification on a channel."""

    notification_id: UUID
    channel: int
    type: int


class CountKey(NamedTuple):
    """What is counted: deliveries in a state, or, with state 0, those that have a fact."""

    tenant_id: str
    hour: datetime
    category: str
    channel: int
    template_name: str
    state: int
    fact_type: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """What is to be written."""

    deliveries: tuple[Delivery, ...]
    """Those whose last change is new, by id."""
    counts: Mapping[CountKey, int]
    """By how much counts change; none by zero."""


def project(
    stated: Iterable[Delivery],
    facts: Iterable[Fact],
    *,
    known: Mapping[UUID, Delivery],
    known_facts: Sequence[FactKey],
) -> Projection:
    """Moves what is stated from its old place in the counts to its new one.

    `known` has the deliveries that are stated and those on whose notification and channel a fact
    is stated; `known_facts` what was stated before of any notification in hand. What was
    stated before, in this or a later change, moves nothing.
    """
    before = _by_place(known_facts)
    after = _by_place([*known_facts, *map(_key, facts)])
    writes = _newer(stated, known)
    counts: Counter[CountKey] = Counter()
    for delivery in known.values():
        counts.subtract(_places(delivery, before))
    for delivery in {**known, **writes}.values():
        counts.update(_places(delivery, after))
    return Projection(
        deliveries=tuple(writes[delivery_id] for delivery_id in sorted(writes)),
        counts={key: change for key, change in counts.items() if change},
    )


def _newer(stated: Iterable[Delivery], known: Mapping[UUID, Delivery]) -> dict[UUID, Delivery]:
    writes: dict[UUID, Delivery] = {}
    for delivery in stated:
        last = writes.get(delivery.delivery_id) or known.get(delivery.delivery_id)
        if last is None or last.change_number < delivery.change_number:
            writes[delivery.delivery_id] = delivery
    return writes


def _key(fact: Fact) -> FactKey:
    return FactKey(fact.notification_id, fact.channel, fact.type)


def _by_place(facts: Iterable[FactKey]) -> dict[tuple[UUID, int], set[int]]:
    types: defaultdict[tuple[UUID, int], set[int]] = defaultdict(set)
    for fact in facts:
        types[fact.notification_id, fact.channel].add(fact.type)
    return types


def _places(delivery: Delivery, facts: Mapping[tuple[UUID, int], set[int]]) -> Iterator[CountKey]:
    place = (
        delivery.tenant_id,
        delivery.accept_time.replace(minute=0, second=0, microsecond=0),
        delivery.category,
        delivery.channel,
        delivery.template_name,
    )
    yield CountKey(*place, delivery.state, 0)
    for fact_type in facts.get((delivery.notification_id, delivery.channel), ()):
        yield CountKey(*place, 0, fact_type)
