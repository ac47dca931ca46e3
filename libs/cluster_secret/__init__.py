"""The secret that all services of a cluster share, and what is derived from it.

It is never used itself: each purpose has a value of its own, from which neither the secret nor the value of
another purpose can be reckoned (HKDF, RFC 5869).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

LEAST_CHARACTERS = 32
"""Of a secret: 32 hexadecimal digits hold 128 bits. Whoever reads the database can guess without being seen."""

_DERIVED_BYTES = 32
_LENGTH_BYTES = 4


@dataclass(frozen=True, slots=True)
class ClusterSecrets:
    """The secret that is used, and one that is accepted as well while one replaces the other."""

    current: str = field(repr=False)
    other: str = field(default="", repr=False)
    """Empty except during a replacement."""

    @property
    def accepted(self) -> tuple[str, ...]:
        """All that are valid, the one in use first."""
        return (self.current, self.other) if self.other else (self.current,)


def derive(secret: str, purpose: str, *context: str) -> bytes:
    """Returns the 32 bytes that a secret stands for in a purpose and a context."""
    info = framed(part.encode() for part in ("tidings", purpose, *context))
    return HKDF(algorithm=SHA256(), length=_DERIVED_BYTES, salt=None, info=info).derive(
        secret.encode()
    )


def framed(parts: Iterable[bytes]) -> bytes:
    """Joins parts so that no other parts make the same bytes."""
    return b"".join(len(part).to_bytes(_LENGTH_BYTES, "big") + part for part in parts)
