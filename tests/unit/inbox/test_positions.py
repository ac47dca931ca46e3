from __future__ import annotations

import pytest

from services.inbox.domain.models import Counts, Head
from services.inbox.domain.positions import Position, ResyncReason, judge

HEAD = Head(epoch=7, sequence=10, floor=4, counts=Counts())


@pytest.mark.parametrize(
    ("epoch", "sequence", "expected"),
    [
        (7, 10, None),
        (7, 5, None),
        # At the floor all that follows is still there.
        (7, 4, None),
        (7, 3, ResyncReason.CURSOR_EXPIRED),
        (7, 11, ResyncReason.EPOCH_CHANGED),
        (8, 10, ResyncReason.EPOCH_CHANGED),
        (8, 3, ResyncReason.EPOCH_CHANGED),
    ],
)
def test_which_positions_can_be_resumed_from(
    epoch: int, sequence: int, expected: ResyncReason | None
) -> None:
    assert judge(Position(epoch=epoch, sequence=sequence), HEAD) is expected
