"""What is sealed opens for who has the secret, in the place that it was sealed for, and nowhere else."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.cluster_secret import ClusterSecrets
from libs.sealing import SealBroken, Sealer, SecretNotGiven, Unopenable

OLD, NEW = "the secret that was there before it", "the secret that comes to replace it"
DATA = b"what nobody shall read"


def sealer(*secrets: str, purpose: str = "rooms.doors.key") -> Sealer:
    return Sealer(ClusterSecrets(*secrets), purpose)


def test_what_is_sealed_opens_and_does_not_show() -> None:
    sealed = sealer(NEW).seal(DATA, "acme", "1")
    assert DATA not in sealed
    assert sealer(NEW).open(sealed, "acme", "1") == DATA
    assert sealer(NEW).seal(DATA, "acme", "1") != sealed


def test_what_is_stored_is_what_it_says_it_is() -> None:
    """Whoever keeps rows relies on it; reckoned here by RFC 5869 and nothing of ours."""
    info = b"".join(
        len(part).to_bytes(4, "big") + part for part in (b"tidings", b"sealing", b"rooms.doors.key")
    )
    key = hmac.digest(
        hmac.digest(bytes(32), NEW.encode(), hashlib.sha256), info + b"\x01", hashlib.sha256
    )
    sealed = sealer(NEW).seal(DATA, "acme")
    header, nonce, closed = sealed[:9], sealed[9:21], sealed[21:]
    bound = b"\0\0\0\x09" + header + b"\0\0\0\x04acme"
    assert header[:1] == b"\x01"
    assert AESGCM(key).decrypt(nonce, closed, bound) == DATA


@pytest.mark.parametrize(
    "subject", [("acme", "2"), ("acm", "e1"), ("acme",), (), ("acme", "1", "")]
)
def test_for_another_subject_it_does_not_open(subject: tuple[str, ...]) -> None:
    sealed = sealer(NEW).seal(DATA, "acme", "1")
    with pytest.raises(SealBroken):
        sealer(NEW).open(sealed, *subject)


def test_for_another_purpose_it_does_not_open() -> None:
    sealed = sealer(NEW).seal(DATA)
    with pytest.raises(SealBroken):
        sealer(NEW, purpose="rooms.doors.other").open(sealed)


def test_without_its_secret_it_does_not_open_and_says_which_to_give() -> None:
    sealed = sealer(OLD).seal(DATA)
    with pytest.raises(SecretNotGiven, match="TIDINGS_CLUSTER_SECRET_OTHER"):
        sealer(NEW).open(sealed)


def test_no_byte_may_change() -> None:
    sealed = sealer(NEW).seal(DATA)
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(Unopenable):
            sealer(NEW).open(bytes(changed))


def test_nothing_shorter_opens() -> None:
    sealed = sealer(NEW).seal(b"")
    for length in range(len(sealed)):
        with pytest.raises(Unopenable):
            sealer(NEW).open(sealed[:length])


def test_a_replaced_secret_still_opens_and_what_it_sealed_is_sealed_anew() -> None:
    sealed = sealer(OLD).seal(DATA, "acme")
    both = sealer(NEW, OLD)
    assert both.open(sealed, "acme") == DATA
    anew = both.reseal(sealed, "acme")
    assert anew is not None
    assert sealer(NEW).open(anew, "acme") == DATA
    assert both.reseal(anew, "acme") is None
    # A process that does not use the new one yet has it beside the old.
    assert sealer(OLD, NEW).open(anew, "acme") == DATA


def test_what_does_not_open_is_not_sealed_anew() -> None:
    with pytest.raises(SecretNotGiven):
        sealer(NEW).reseal(sealer(OLD).seal(DATA))
    with pytest.raises(SealBroken):
        sealer(NEW, OLD).reseal(sealer(OLD).seal(DATA, "acme"), "umbrella")
