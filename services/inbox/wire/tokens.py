"""Opaque tokens that hold numbers."""

from __future__ import annotations

import struct

from libs.opaque_tokens import read_token, write_token


def pack_token(numbers: tuple[int, ...], *subject: str) -> str:
    """Returns 64-bit numbers as URL-safe text that only the same subject can unpack."""
    return write_token(struct.pack(f">{len(numbers)}q", *numbers), *subject)


def unpack_token(token: str, count: int, *subject: str) -> tuple[int, ...] | None:
    """Returns the numbers; None when this is not what `pack_token` made for the subject."""
    data = read_token(token, *subject)
    layout = struct.Struct(f">{count}q")
    return layout.unpack(data) if data is not None and len(data) == layout.size else None
