"""Opaque tokens: bytes under a seal that binds them to what they were given for.

The seal is checksum and binding in one. It is no secret: a token grants nothing, each use is
authorised anew, and whoever reads one must bear with any bytes.
"""

from __future__ import annotations

import base64
import hashlib

_SEAL_BYTES = 8


def seal(data: bytes, *subject: str) -> str:
    """Returns the bytes as URL-safe text that only the same subject can open."""
    return base64.urlsafe_b64encode(data + _seal(data, subject)).rstrip(b"=").decode()


def unseal(token: str, *subject: str) -> bytes | None:
    """Returns the bytes; None when this is not what `seal` made for the subject."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    data = raw[:-_SEAL_BYTES]
    # Sealing again refuses other spellings of the same bytes, too.
    return data if seal(data, *subject) == token else None


def _seal(data: bytes, subject: tuple[str, ...]) -> bytes:
    sealed = "\0".join(subject).encode() + b"\0" + data
    return hashlib.blake2b(sealed, digest_size=_SEAL_BYTES).digest()
