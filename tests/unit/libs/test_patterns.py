"""Every pattern of the contracts is told in words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from libs.rpc.patterns import has_words
from libs.rpc.validation import InvalidFields, validate
from tidings.preference.v1.recipient_service_pb2 import GetRecipientRequest, Recipient

PROTOS = Path(__file__).parents[3] / "protos"
PATTERN = re.compile(r'pattern\s*[:=]\s*"([^"]*)"')


def patterns() -> list[str]:
    found = {
        match.replace("\\\\", "\\")
        for path in PROTOS.rglob("*.proto")
        for match in PATTERN.findall(path.read_text("utf-8"))
    }
    return sorted(found)


def test_there_are_patterns() -> None:
    assert len(patterns()) > 10


@pytest.mark.parametrize("pattern", patterns())
def test_it_has_words(pattern: str) -> None:
    assert has_words(pattern)


def test_an_error_says_what_would_be_right() -> None:
    with pytest.raises(InvalidFields) as caught:
        validate(GetRecipientRequest(recipient_id="al ice"))
    assert caught.value.message == (
        "recipient_id: must be 1 to 128 letters, digits or `._~:@+=/|-`"
    )
    with pytest.raises(InvalidFields) as caught:
        validate(Recipient(recipient_id="alice", phone_numbers=["555"]))
    (violation,) = caught.value.violations
    assert (violation.field, violation.description) == (
        "phone_numbers[0]",
        "must be in E.164 form, such as `+4915112345678`",
    )
