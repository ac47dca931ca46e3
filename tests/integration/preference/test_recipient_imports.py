"""Recipients come in batches, each entry for itself, and are found again."""

from __future__ import annotations

import asyncio

import grpc
import pytest
from google.rpc import error_details_pb2

from tests.integration.preference.api import Api, refusal
from tests.integration.preference.recipients import (
    ALICE,
    but,
    get,
    ids,
    import_all,
    update,
    upsert,
)
from tidings.preference.v1.recipient_service_pb2 import (
    ListRecipientsRequest,
    Recipient,
    UpsertRecipientResult,
)

Status = grpc.StatusCode


async def test_each_entry_of_an_import_stands_for_itself(api: Api) -> None:
    stored = await upsert(api, but(ALICE, recipient_id="guarded"))
    entries = [
        but(ALICE, recipient_id="new"),
        but(ALICE, recipient_id="no spaces"),
        but(ALICE, recipient_id="zone", time_zone="Mars/Olympus"),
        but(ALICE, recipient_id="guarded", etag=stored.etag, locale="fr"),
        but(ALICE, recipient_id="absent", etag="1"),
        Recipient(recipient_id="bare"),
        Recipient(),
    ]
    results = await import_all(api, entries)
    assert [
        result.recipient.recipient_id if result.HasField("recipient") else reason_of(result)
        for result in results
    ] == [
        "new",
        ("INVALID_FIELD", "recipient.recipient_id"),
        ("INVALID_FIELD", "recipient.time_zone"),
        "guarded",
        ("ETAG_MISMATCH", ""),
        "bare",
        ("INVALID_FIELD", "recipient.recipient_id"),
    ]
    assert results[3].recipient.locale == "fr"
    assert results[0].recipient == await get(api, "new")
    assert await ids(api) == ["bare", "guarded", "new"]


def reason_of(result: UpsertRecipientResult) -> tuple[str, str]:
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in result.error.details:
        detail.Unpack(info)
        detail.Unpack(bad)
    return info.reason, ",".join(violation.field for violation in bad.field_violations)


async def test_of_entries_with_one_id_the_last_one_stays(api: Api) -> None:
    results = await import_all(
        api, [but(ALICE, locale="de"), but(ALICE, locale="fr"), but(ALICE, locale="it")]
    )
    assert [result.recipient.locale for result in results] == ["de", "fr", "it"]
    stored = await get(api)
    assert stored == results[2].recipient
    # The second entry meets what the first has made.
    results = await import_all(
        api, [but(ALICE, locale="es", etag=stored.etag), but(ALICE, etag=stored.etag)]
    )
    assert [result.WhichOneof("result") for result in results] == ["recipient", "error"]


@pytest.mark.parametrize("count", [0, 501])
async def test_an_import_of_a_wrong_size_is_refused(api: Api, count: int) -> None:
    entries = [Recipient(recipient_id=f"r{number}") for number in range(count)]
    expected = (Status.INVALID_ARGUMENT, "INVALID_FIELD", ["recipients"])
    assert await refusal(import_all(api, entries)) == expected


async def test_imports_that_cross_all_succeed(api: Api) -> None:
    forth = [Recipient(recipient_id=f"r{number:03}", locale="de") for number in range(200)]
    back = [but(recipient, locale="fr") for recipient in reversed(forth)]
    answers = await asyncio.gather(*(import_all(api, entries) for entries in [forth, back] * 4))
    assert all(result.HasField("recipient") for results in answers for result in results)
    assert len(await ids(api, 200)) == 200


async def test_lists_are_filtered(api: Api) -> None:
    for name, emails, phones in (
        ("a", ["Ann@Example.com"], []),
        ("a.b", ["x@example.com", "ann@example.com"], ["+4915112345678"]),
        ("a~", [], ["+4915112345678"]),
        ("b", ["annn@example.com"], ["+49151123456789"]),
        ("B", ["x@example.com"], []),
    ):
        await upsert(api, Recipient(recipient_id=name, emails=emails, phone_numbers=phones))
    assert await ids(api) == ["B", "a", "a.b", "a~", "b"]
    assert await ids(api, id_prefix="a") == ["a", "a.b", "a~"]
    assert await ids(api, id_prefix="a.") == ["a.b"]
    assert await ids(api, email="aNN@example.COM") == ["a", "a.b"]
    assert await ids(api, 1, email="ann@example.com") == ["a", "a.b"]
    assert await ids(api, phone_number="+4915112345678") == ["a.b", "a~"]
    assert await ids(api, phone_number="+4915112345678", email="x@example.com") == ["a.b"]
    assert await ids(api, id_prefix="B", email="x@example.com") == ["B"]
    assert await ids(api, email="ann") == await ids(api, email="\0") == []
    assert await ids(api, 2) == await ids(api)
    await update(api, Recipient(recipient_id="a", emails=["new@example.com"]))
    assert await ids(api, email="ann@example.com") == ["a.b"]


async def test_a_page_token_is_for_its_filters(api: Api) -> None:
    for number in range(3):
        await upsert(api, Recipient(recipient_id=f"a{number}"))
    page = await api.recipients.ListRecipients(
        ListRecipientsRequest(page_size=1, id_prefix="a"), metadata=api.metadata
    )
    other = ListRecipientsRequest(page_token=page.next_page_token, id_prefix="a1")
    code, reason, _ = await refusal(api.recipients.ListRecipients(other, metadata=api.metadata))
    assert (code, reason) == (Status.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")
