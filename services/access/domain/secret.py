"""Secrets of API keys: `tdg_`, a public part to recognise the key by, `_`, and the part that is secret."""

from __future__ import annotations

import hashlib
import secrets
import string
from dataclasses import dataclass, field

_ALPHABET = string.digits + string.ascii_letters
_PUBLIC_LENGTH = 8
# 32 letters out of 62 hold 190 bits, far beyond guessing; so a plain hash protects them, and no slow one is needed.
_SECRET_LENGTH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A secret on its way to its owner, and what may be kept of it."""

    text: str = field(repr=False)

    @classmethod
    def mint(cls) -> Secret:
        """Returns a new secret."""
        return cls(text=f"tdg_{_letters(_PUBLIC_LENGTH)}_{_letters(_SECRET_LENGTH)}")

    @property
    def prefix(self) -> str:
        """The part that may be shown."""
        return self.text.rpartition("_")[0]

    @property
    def digest(self) -> bytes:
        """The only thing that is stored: SHA-256 of the whole text."""
        return hashlib.sha256(self.text.encode()).digest()


def _letters(count: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(count))
