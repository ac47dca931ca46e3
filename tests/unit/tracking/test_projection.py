"""Counts that move: whatever is told in whatever order, they come to what a recount would say."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

from services.tracking.domain.models import IN_APP, READ, Delivery, Fact
from services.tracking.domain.projection import CountKey, FactKey, project

HOUR = datetime(2026, 3, 1, 5, tzinfo=UTC)


def delivery(number: int, change_number: int, state: int, *, channel: int = IN_APP) -> Delivery:
    return Delivery(
        delivery_id=UUID(int=number),
        tenant_id="acme",
        # Two deliveries of one notification, such as two revisions of an item.
        notification_id=UUID(int=number // 2),
        revision=1,
        recipient_id="alice",
        category="news",
        channel=channel,
        template_name="letter",
        template_version=1,
        state=state,
        provider="",
        attempts=0,
        accept_time=HOUR + timedelta(minutes=number),
        state_time=HOUR,
        change_number=change_number,
    )


def fact(number: int) -> Fact:
    return Fact(
        tenant_id="acme",
        notification_id=UUID(int=number),
        channel=IN_APP,
        type=READ,
        source="inbox",
        time=HOUR,
    )


class Tables:
    """What tracking stores."""

    def __init__(self) -> None:
        self.deliveries: dict[UUID, Delivery] = {}
        self.facts: set[FactKey] = set()
        self.counts: Counter[CountKey] = Counter()

    def record(self, stated: list[Delivery], facts: list[Fact]) -> None:
        ids = {d.delivery_id for d in stated}
        noted = {(f.notification_id, f.channel) for f in facts}
        known = {
            key: d
            for key, d in self.deliveries.items()
            if key in ids or (d.notification_id, d.channel) in noted
        }
        projection = project(stated, facts, known=known, known_facts=list(self.facts))
        self.deliveries |= {d.delivery_id: d for d in projection.deliveries}
        self.facts |= {FactKey(f.notification_id, f.channel, f.type) for f in facts}
        self.counts.update(projection.counts)

    def recount(self) -> Counter[CountKey]:
        whole = project(self.deliveries.values(), [], known={}, known_facts=list(self.facts))
        return Counter(dict(whole.counts))


def test_told_in_any_order_and_again_the_counts_are_those_of_a_recount() -> None:
    for seed in range(30):
        draw = random.Random(seed)
        stated = [
            delivery(number, change, draw.choice([4, 5, 6, 7]), channel=1 + number % 2)
            for number in range(8)
            for change in range(1, draw.randrange(2, 5))
        ]
        told: list[Delivery | Fact] = [*stated, *stated, *(fact(n) for n in (0, 1, 1, 3))]
        draw.shuffle(told)
        tables = Tables()
        while told:
            batch = [told.pop() for _ in range(min(len(told), draw.randrange(1, 6)))]
            tables.record(
                [one for one in batch if isinstance(one, Delivery)],
                [one for one in batch if isinstance(one, Fact)],
            )
        assert +tables.counts == tables.recount()
        assert min(tables.counts.values()) >= 0
        for last in stated:
            assert tables.deliveries[last.delivery_id].change_number >= last.change_number


def test_what_was_told_before_moves_nothing() -> None:
    known = delivery(1, 2, 5)
    for again in (known, delivery(1, 1, 4)):
        projection = project([again], [], known={known.delivery_id: known}, known_facts=[])
        assert (projection.deliveries, projection.counts) == ((), {})


def test_a_delivery_that_moves_takes_its_fact_along() -> None:
    before = delivery(1, 1, 4)
    read = FactKey(before.notification_id, IN_APP, READ)
    after = delivery(1, 2, 5)
    projection = project([after], [], known={before.delivery_id: before}, known_facts=[read])
    place = ("acme", HOUR, "news", IN_APP, "letter")
    assert projection.counts == {CountKey(*place, 4, 0): -1, CountKey(*place, 5, 0): 1}
