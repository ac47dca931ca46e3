"""The key that signs recipient tokens."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from jwt.algorithms import ECAlgorithm

_ALGORITHM = "ES256"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A P-256 key pair."""

    private_key: ec.EllipticCurvePrivateKey

    @classmethod
    def generate(cls) -> SigningKey:
        """Returns a new key."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_der(cls, der: bytes) -> SigningKey:
        """Reads what `to_der` wrote; raises ValueError for anything but an EC key."""
        private_key = load_der_private_key(der, password=None)
        if not isinstance(private_key, ec.EllipticCurvePrivateKey):
            raise ValueError("a signing key must be an EC key")
        return cls(private_key)

    def to_der(self) -> bytes:
        """Writes the key, to be sealed: as PKCS #8, in the clear."""
        return self.private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    @property
    def key_id(self) -> str:
        """The `kid`: the thumbprint of RFC 7638, so that it follows from the key."""
        canonical = json.dumps(self._public_numbers(), sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(canonical.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Returns a JSON Web Token."""
        headers = {"kid": self.key_id}
        return jwt.encode(dict(claims), self.private_key, algorithm=_ALGORITHM, headers=headers)

    def to_json_web_key(self) -> dict[str, str]:
        """Writes the public half."""
        return {**self._public_numbers(), "kid": self.key_id, "use": "sig", "alg": _ALGORITHM}

    def _public_numbers(self) -> dict[str, str]:
        return dict(ECAlgorithm.to_jwk(self.private_key.public_key(), as_dict=True))


def json_web_key_set(keys: Iterable[SigningKey]) -> str:
    """Writes public keys as a JSON Web Key Set (RFC 7517)."""
    return json.dumps({"keys": [key.to_json_web_key() for key in keys]})
