"""Opaque tokens: bytes as text, with a checksum that binds them to what they were given for.

The checksum is no secret and anybody can make it: a token grants nothing, each use is authorised anew, and
whoever reads one must bear with any bytes.
"""

from __future__ import annotations

import base64
import hashlib

_CHECKSUM_BYTES = 8


def write_token(data: bytes, *subject: str) -> str:
    """Returns the bytes as URL-safe text that reads as a token for the same subject only."""
    return base64.urlsafe_b64encode(data + _checksum(data, subject)).rstrip(b"=").decode()


def read_token(token: str, *subject: str) -> bytes | None:
    """Returns the bytes; None when this is not what `write_token` made for the subject."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    data = raw[:-_CHECKSUM_BYTES]
    # Writing it again refuses other spellings of the same bytes, too.
    return data if write_token(data, *subject) == token else None


def _checksum(data: bytes, subject: tuple[str, ...]) -> bytes:
    checked = "\0".join(subject).encode() + b"\0" + data
    return hashlib.blake2b(checked, digest_size=_CHECKSUM_BYTES).digest()
