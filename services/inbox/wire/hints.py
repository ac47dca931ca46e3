"""Hints on Redis."""

from __future__ import annotations

import json

from services.inbox.domain.hints import Hint
from services.inbox.domain.models import InboxKey
from services.inbox.domain.positions import Position

_FORMAT = 1


def hint_to_payload(hint: Hint) -> str:
    """Writes a hint."""
    moved = [[*key, position.epoch, position.sequence] for key, position in hint.moved.items()]
    opened = [[*key, device, stream_id] for (key, device), stream_id in hint.opened.items()]
    return json.dumps({"v": _FORMAT, "moved": moved, "opened": opened}, separators=(",", ":"))


def hint_from_payload(payload: bytes) -> Hint | None:
    """Reads a hint; None when it is of another build's format, which costs at most a heartbeat."""
    try:
        fields = json.loads(payload)
        if fields["v"] != _FORMAT:
            return None
        return Hint(
            moved={
                InboxKey(tenant, recipient): Position(epoch=int(epoch), sequence=int(sequence))
                for tenant, recipient, epoch, sequence in fields["moved"]
            },
            opened={
                (InboxKey(tenant, recipient), device): stream_id
                for tenant, recipient, device, stream_id in fields["opened"]
            },
        )
    except (ValueError, KeyError, TypeError):
        return None
