from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from services.inbox.domain.models import Counts, Delivery, Head, InboxKey
from services.inbox.domain.numbering import Present, number_deliveries

ALICE, BOB = InboxKey("acme", "alice"), InboxKey("acme", "bob")
ITEM = uuid4()


def head(sequence: int, unread: int, total: int) -> Head:
    return Head(epoch=7, sequence=sequence, floor=0, counts=Counts(unread=unread, total=total))


def delivery(key: InboxKey = ALICE, item_id: UUID | None = None, revision: int = 1) -> Delivery:
    return Delivery(
        key=key,
        item_id=item_id or uuid4(),
        revision=revision,
        category="a",
        content=b"",
        traceparent="",
    )


def test_each_feed_is_numbered_by_itself_without_gaps() -> None:
    deliveries = [delivery(ALICE), delivery(BOB), delivery(ALICE), delivery(BOB)]
    heads = {ALICE: head(0, 0, 0), BOB: head(10, 3, 5)}
    numbering = number_deliveries(deliveries, heads, {})
    assert [(write.delivery, write.sequence) for write in numbering.writes] == [
        (deliveries[0], 1),
        (deliveries[1], 11),
        (deliveries[2], 2),
        (deliveries[3], 12),
    ]
    assert numbering.heads == {ALICE: head(2, 2, 2), BOB: head(12, 5, 7)}


@pytest.mark.parametrize(
    ("present", "revision", "after"),
    [
        # New: one more unread, one more in all.
        (None, 1, head(11, 4, 6)),
        (None, 5, head(11, 4, 6)),
        # Replaced: unread again if it was read, and no more in all.
        (Present(revision=1, read=True), 2, head(11, 4, 5)),
        (Present(revision=1, read=False), 2, head(11, 3, 5)),
        # There in this or a newer revision: left alone.
        (Present(revision=2, read=True), 2, None),
        (Present(revision=2, read=False), 2, None),
        (Present(revision=3, read=False), 2, None),
    ],
)
def test_what_is_there_decides(present: Present | None, revision: int, after: Head | None) -> None:
    known = {(ALICE, ITEM): present} if present else {}
    numbering = number_deliveries(
        [delivery(item_id=ITEM, revision=revision)], {ALICE: head(10, 3, 5)}, known
    )
    assert numbering.heads == ({ALICE: after} if after else {})
    assert [write.sequence for write in numbering.writes] == ([11] if after else [])


@pytest.mark.parametrize("revisions", [(1, 2), (2, 1), (2, 2), (1, 2, 1)])
def test_of_several_revisions_in_a_batch_the_newest_counts(revisions: tuple[int, ...]) -> None:
    batch = [delivery(item_id=ITEM, revision=revision) for revision in revisions]
    numbering = number_deliveries(batch, {ALICE: head(0, 0, 0)}, {})
    assert [write.delivery.revision for write in numbering.writes] == [2]
    assert numbering.heads == {ALICE: head(1, 1, 1)}


def test_one_id_in_two_inboxes_is_two_items() -> None:
    batch = [delivery(ALICE, ITEM), delivery(BOB, ITEM)]
    heads = {ALICE: head(0, 0, 0), BOB: head(0, 0, 0)}
    assert len(number_deliveries(batch, heads, {}).writes) == 2
