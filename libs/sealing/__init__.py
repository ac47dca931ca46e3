"""Secrets at rest: encrypted under the cluster secret, which the database does not have.

A sealed value is a version, the id of the secret, a nonce, and what AES-256-GCM makes of the data:

    1 byte | 8 bytes | 12 bytes | as long as the data, and 16 bytes

The key is derived for one purpose, as a rule a column. The subject, as a rule the row's key, is authenticated:
a value that was moved to another row does not open. Nonces are random, so a purpose may seal 2**32 values.
"""

from __future__ import annotations

import os
from datetime import timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.cluster_secret import ClusterSecrets, derive, framed

RESEAL_INTERVAL = timedelta(minutes=10)
"""How often what is under a replaced secret is looked for, to be sealed anew."""

_VERSION = b"\x01"
_KEY_ID_BYTES = 8
_NONCE_BYTES = 12
_HEADER_BYTES = len(_VERSION) + _KEY_ID_BYTES


class Unopenable(Exception):
    """A sealed value cannot be opened; the text is a sentence for the operator, without any of the value."""


class SecretNotGiven(Unopenable):
    """It was sealed under a secret that this process does not have."""

    def __init__(self) -> None:
        super().__init__(
            "it is sealed under another cluster secret; give that one as TIDINGS_CLUSTER_SECRET,"
            " or, when it has been replaced, as TIDINGS_CLUSTER_SECRET_OTHER"
        )


class SealBroken(Unopenable):
    """It was changed, or made for another subject."""

    def __init__(self) -> None:
        super().__init__(
            "its seal is broken: it was changed or moved in the database; restore it from a backup"
        )


class Sealer:
    """Seals under the secret in use, and opens under all that are accepted."""

    def __init__(self, secrets: ClusterSecrets, purpose: str, *context: str) -> None:
        self._secrets = {_header(secret): secret for secret in secrets.accepted}
        self._current = _header(secrets.current)
        self._derivation = ("sealing", purpose, *context)
        self._ciphers: dict[bytes, AESGCM] = {}

    def seal(self, data: bytes, *subject: str) -> bytes:
        """Returns the data as it may be stored for the subject."""
        nonce = os.urandom(_NONCE_BYTES)
        cipher = self._cipher(self._current)
        return self._current + nonce + cipher.encrypt(nonce, data, _bound(self._current, subject))

    def open(self, sealed: bytes, *subject: str) -> bytes:
        """Returns the data; raises SecretNotGiven or SealBroken."""
        header, rest = sealed[:_HEADER_BYTES], sealed[_HEADER_BYTES:]
        if header not in self._secrets:
            raise SecretNotGiven if header[:1] == _VERSION else SealBroken
        nonce, closed = rest[:_NONCE_BYTES], rest[_NONCE_BYTES:]
        try:
            return self._cipher(header).decrypt(nonce, closed, _bound(header, subject))
        except (InvalidTag, ValueError):
            # ValueError: it is too short to hold a nonce and a tag.
            raise SealBroken from None

    def reseal(self, sealed: bytes, *subject: str) -> bytes | None:
        """Returns it under the secret in use, None where that is what it is under; raises as `open`."""
        if sealed.startswith(self._current):
            return None
        return self.seal(self.open(sealed, *subject), *subject)

    def _cipher(self, header: bytes) -> AESGCM:
        if header not in self._ciphers:
            self._ciphers[header] = AESGCM(derive(self._secrets[header], *self._derivation))
        return self._ciphers[header]


def _header(secret: str) -> bytes:
    return _VERSION + derive(secret, "key id")[:_KEY_ID_BYTES]


def _bound(header: bytes, subject: tuple[str, ...]) -> bytes:
    return framed([header, *(part.encode() for part in subject)])
