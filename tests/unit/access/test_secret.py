"""Secrets of API keys."""

from __future__ import annotations

import hashlib
import re

from services.access.domain.secret import Secret


def test_a_secret_has_a_public_and_a_secret_part() -> None:
    secret = Secret.mint()
    assert re.fullmatch(r"tdg_[0-9A-Za-z]{8}_[0-9A-Za-z]{32}", secret.text)
    assert secret.prefix == secret.text[:12]


def test_secrets_differ_in_both_parts() -> None:
    minted = [Secret.mint() for _ in range(100)]
    assert len({secret.prefix for secret in minted}) == 100
    assert len({secret.text.rpartition("_")[2] for secret in minted}) == 100


def test_the_digest_is_over_all_that_the_caller_sends() -> None:
    secret = Secret(text="tdg_abcdefgh_x")
    assert secret.digest == hashlib.sha256(b"tdg_abcdefgh_x").digest()


def test_a_secret_does_not_show_itself() -> None:
    assert "hidden" not in repr(Secret(text="tdg_abcdefgh_hidden"))


def test_a_secret_is_not_taken_for_a_token() -> None:
    # The authenticator tells the two apart by the dots of a JSON Web Token.
    assert "." not in Secret.mint().text
