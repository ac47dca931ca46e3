from __future__ import annotations

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from libs.rpc.masks import masked, merge
from libs.rpc.validation import InvalidFields
from tidings.preference.v1.recipient_service_pb2 import Recipient

CHANGEABLE = ("emails", "locale", "webhook_url")


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([], {"locale"}),
        (["emails"], {"emails"}),
        (["emails", "locale"], {"emails", "locale"}),
        (["*"], set(CHANGEABLE)),
        (["emails", "*"], set(CHANGEABLE)),
    ],
)
def test_a_mask_names_what_changes(paths: list[str], expected: set[str]) -> None:
    resource = Recipient(recipient_id="a", locale="de", etag="1")
    assert masked(FieldMask(paths=paths), resource, changeable=CHANGEABLE) == expected


@pytest.mark.parametrize("path", ["recipient_id", "emails.0", "Emails", "", "recipient.emails"])
def test_an_unknown_path_is_refused_by_name(path: str) -> None:
    with pytest.raises(InvalidFields) as refused:
        masked(FieldMask(paths=["locale", path]), Recipient(), changeable=CHANGEABLE)
    (violation,) = refused.value.violations
    assert violation.field == "update_mask"
    assert violation.description == (
        f"`{path}` cannot be changed; choose from `emails`, `locale`, `webhook_url`, `*`"
    )


def test_merging_replaces_lists_and_clears_what_is_not_set() -> None:
    target = Recipient(recipient_id="a", emails=["a@b.c", "d@e.f"], locale="de", time_zone="UTC")
    source = Recipient(recipient_id="b", emails=["g@h.i"], time_zone="Europe/Berlin")
    merge(target, source, {"emails", "locale"})
    assert target == Recipient(recipient_id="a", emails=["g@h.i"], time_zone="UTC")
    assert source.recipient_id == "b"
