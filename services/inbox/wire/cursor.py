"""Cursors: positions as clients keep them."""

from __future__ import annotations

from services.inbox.domain.errors import CursorInvalid
from services.inbox.domain.models import InboxKey
from services.inbox.domain.positions import Position
from services.inbox.wire.tokens import pack_token, unpack_token

# A new format takes a new name, so that older cursors are recognised as such.
_FORMAT = "cursor-1"


def cursor_to_proto(key: InboxKey, position: Position | None) -> str:
    """Returns the cursor of a position in an inbox; empty for none."""
    if position is None:
        return ""
    return pack_token((position.epoch, position.sequence), _FORMAT, *key)


def cursor_from_proto(key: InboxKey, cursor: str) -> Position:
    """Reads a cursor of this inbox; raises CursorInvalid for all else."""
    numbers = unpack_token(cursor, 2, _FORMAT, *key)
    if numbers is None:
        raise CursorInvalid
    epoch, sequence = numbers
    return Position(epoch=epoch, sequence=sequence)
