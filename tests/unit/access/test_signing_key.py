"""The key that signs recipient tokens."""

from __future__ import annotations

import base64
import hashlib
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.access.domain.signing_key import SigningKey, json_web_key_set


def test_a_key_survives_storing() -> None:
    key = SigningKey.generate()
    again = SigningKey.from_der(key.to_der())
    assert again.key_id == key.key_id
    assert again.to_json_web_key() == key.to_json_web_key()


def test_keys_have_ids_of_their_own() -> None:
    assert SigningKey.generate().key_id != SigningKey.generate().key_id


def test_a_token_names_its_key_and_is_verified_by_it_only() -> None:
    key, other = SigningKey.generate(), SigningKey.generate()
    token = key.sign({"sub": "alice"})
    assert jwt.get_unverified_header(token)["kid"] == key.key_id
    assert jwt.decode(token, jwt.PyJWK(key.to_json_web_key()), ["ES256"]) == {"sub": "alice"}
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, jwt.PyJWK(other.to_json_web_key()), ["ES256"])


def test_the_key_set_holds_public_numbers_only() -> None:
    keys = [SigningKey.generate(), SigningKey.generate()]
    document = json.loads(json_web_key_set(keys))
    assert [entry["kid"] for entry in document["keys"]] == [key.key_id for key in keys]
    for entry in document["keys"]:
        assert set(entry) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
        assert (entry["kty"], entry["crv"], entry["use"]) == ("EC", "P-256", "sig")


def test_the_key_id_is_the_thumbprint_of_rfc_7638() -> None:
    # The example key of RFC 7517, appendix A.2.
    x, y = (
        "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    )
    d = "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"
    private_key = jwt.PyJWK({"kty": "EC", "crv": "P-256", "x": x, "y": y, "d": d}).key
    canonical = f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'
    assert SigningKey(private_key).key_id == _base64url_sha256(canonical)


def test_another_kind_of_key_is_refused() -> None:
    der = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
    )
    with pytest.raises(ValueError, match="EC key"):
        SigningKey.from_der(der)


def _base64url_sha256(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
