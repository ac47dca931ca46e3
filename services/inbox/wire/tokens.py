"""Opaque tokens: numbers under a seal that binds them to what they were given for.

The seal is checksum and binding in one. It is no secret: a token grants nothing, and each use is
authorised anew.
"""

from __future__ import annotations

import base64
import hashlib
import struct

_SEAL_BYTES = 8


def pack_token(numbers: tuple[int, ...], *subject: str) -> str:
    """Returns 64-bit numbers as URL-safe text that only the same subject can unpack."""
    data = struct.pack(f">{len(numbers)}q", *numbers)
    return base64.urlsafe_b64encode(data + _seal(data, subject)).rstrip(b"=").decode()


def unpack_token(token: str, count: int, *subject: str) -> tuple[int, ...] | None:
    """Returns the numbers; None when this is not what `pack_token` made for the subject."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        numbers = struct.unpack(f">{count}q", raw[:-_SEAL_BYTES])
    except (ValueError, struct.error):
        return None
    # Packing again refuses other spellings of the same bytes, too.
    return numbers if pack_token(numbers, *subject) == token else None


def _seal(data: bytes, subject: tuple[str, ...]) -> bytes:
    sealed = "\0".join(subject).encode() + b"\0" + data
    return hashlib.blake2b(sealed, digest_size=_SEAL_BYTES).digest()
