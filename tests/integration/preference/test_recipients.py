"""Recipients are changed whole and in part, by one writer at a time."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from tests.integration.hosting import Hosted
from tests.integration.preference.api import DISABLED, EVERY, MISMATCH, Api, not_found, refusal
from tests.integration.preference.collisions import collide
from tests.integration.preference.recipients import (
    ALICE,
    but,
    delete,
    get,
    ids,
    import_all,
    update,
    upsert,
)
from tidings.preference.v1.preference_service_pb2 import GetPreferencesRequest
from tidings.preference.v1.recipient_service_pb2 import (
    Recipient,
)

Status = grpc.StatusCode
NOT_FOUND = not_found("RECIPIENT_NOT_FOUND")


async def test_an_etag_moves_with_each_change_and_stays_without(api: Api) -> None:
    first = await upsert(api, ALICE)
    assert first.etag
    assert await upsert(api, ALICE) == first
    seen = {first.etag}
    for field, value in {
        "emails": ["c@example.com"],
        "phone_numbers": [],
        "locale": "fr",
        "time_zone": "UTC",
        "webhook_url": "",
    }.items():
        seen.add((await upsert(api, but(ALICE, **{field: value}))).etag)
        seen.add((await upsert(api, ALICE)).etag)
    assert len(seen) == 11
    assert (await get(api)).etag in seen


async def test_an_upsert_with_an_etag_replaces_that_state_only(api: Api) -> None:
    assert await refusal(upsert(api, but(ALICE, etag="1"))) == MISMATCH
    assert await refusal(get(api)) == NOT_FOUND
    first = await upsert(api, ALICE)
    second = await upsert(api, but(ALICE, locale="fr", etag=first.etag))
    assert second.locale == "fr"
    assert await refusal(upsert(api, but(ALICE, locale="it", etag=first.etag))) == MISMATCH
    assert await get(api) == second


@pytest.mark.parametrize(
    ("paths", "patch", "expected"),
    [
        ([], {"locale": "fr"}, {"locale": "fr"}),
        ([], {}, {}),
        (["locale"], {"locale": "fr", "time_zone": "UTC"}, {"locale": "fr"}),
        (["emails"], {"emails": ["c@example.com"]}, {"emails": ["c@example.com"]}),
        (["emails", "webhook_url"], {}, {"emails": [], "webhook_url": ""}),
        (["locale", "time_zone"], {}, {"locale": "en", "time_zone": "UTC"}),
        (
            ["*"],
            {"emails": ["c@example.com"]},
            {"emails": ["c@example.com"], "phone_numbers": [], "locale": "en", "time_zone": "UTC",
             "webhook_url": ""},
        ),
    ],
)  # fmt: skip
async def test_an_update_changes_what_its_mask_names(
    api: Api, paths: list[str], patch: dict[str, object], expected: dict[str, object]
) -> None:
    stored = await upsert(api, ALICE)
    changed = await update(api, Recipient(recipient_id="alice", **patch), paths)  # type: ignore[arg-type]
    assert changed == await get(api)
    times = {"etag": changed.etag, "update_time": changed.update_time}
    assert changed == but(stored, **expected, **times)
    assert (changed.etag == stored.etag) == (not expected)


async def test_an_update_needs_a_recipient_its_etag_and_a_known_mask(api: Api) -> None:
    patch = Recipient(recipient_id="alice", locale="fr")
    assert await refusal(update(api, patch)) == NOT_FOUND
    stored = await upsert(api, ALICE)
    assert await refusal(update(api, but(patch, etag="other"))) == MISMATCH
    code, reason, fields = await refusal(update(api, patch, ["locale", "recipient_id"]))
    assert (code, reason, fields) == (Status.INVALID_ARGUMENT, "INVALID_FIELD", ["update_mask"])
    bad_zone = Recipient(recipient_id="alice", time_zone="Mars/Olympus")
    code, reason, fields = await refusal(update(api, bad_zone))
    assert (code, reason, fields) == (
        Status.INVALID_ARGUMENT,
        "INVALID_FIELD",
        ["recipient.time_zone"],
    )
    assert await get(api) == stored
    # What the mask leaves out is not looked at beyond the contract.
    assert (await update(api, but(bad_zone, locale="fr"), ["locale"])).locale == "fr"


async def test_of_two_writers_who_know_one_state_one_wins(api: Api, database_url: str) -> None:
    stored = await upsert(api, ALICE)
    writers = [
        update(api, Recipient(recipient_id="alice", locale=locale, etag=stored.etag))
        for locale in ("fr", "it", "es", "pt")
    ]
    answers = await collide(database_url, "recipients", api.tenant_id, writers)
    won = [answer for answer in answers if isinstance(answer, Recipient)]
    assert len(won) == 1
    assert won[0] == await get(api)


async def test_writers_of_different_fields_do_not_undo_one_another(api: Api) -> None:
    await upsert(api, ALICE)
    patches = [
        Recipient(recipient_id="alice", locale="fr"),
        Recipient(recipient_id="alice", time_zone="Europe/Paris"),
        Recipient(recipient_id="alice", emails=["c@example.com"]),
        Recipient(recipient_id="alice", webhook_url="https://example.com/new"),
    ]
    await asyncio.gather(*(update(api, patch) for patch in patches))
    stored = await get(api)
    assert (stored.locale, stored.time_zone) == ("fr", "Europe/Paris")
    assert (list(stored.emails), stored.webhook_url) == (
        ["c@example.com"],
        "https://example.com/new",
    )


async def test_deleting_takes_the_preferences_along(api: Api) -> None:
    assert await refusal(delete(api)) == NOT_FOUND
    stored = await upsert(api, ALICE)
    await api.prefer("alice", ("", EVERY, DISABLED))
    assert await refusal(delete(api, etag="other")) == MISMATCH
    await delete(api, etag=stored.etag)
    assert await refusal(get(api)) == NOT_FOUND
    assert (await upsert(api, ALICE)).etag != stored.etag
    left = await api.preferences.GetPreferences(
        GetPreferencesRequest(recipient_id="alice"), metadata=api.metadata
    )
    assert not left.preferences


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com", "example.com", "https://", "https://u:p@example.com", "https://a.b/#x",
        "https://a b", "https://a.b/\0", f"https://a.b/{'x' * 2048}",
    ],
)  # fmt: skip
async def test_what_is_no_webhook_url_is_refused(api: Api, url: str) -> None:
    expected = (Status.INVALID_ARGUMENT, "INVALID_FIELD", ["recipient.webhook_url"])
    assert await refusal(upsert(api, but(ALICE, webhook_url=url))) == expected


@pytest.mark.parametrize(
    "url",
    ["http://a.b/", "https://127.0.0.1/", "https://0x7f.1/", "https://a.b:22/", "https://a./"],
)
async def test_where_webhooks_may_not_go_is_refused(api: Api, url: str) -> None:
    expected = (Status.INVALID_ARGUMENT, "WEBHOOK_URL_REFUSED", ["recipient.webhook_url"])
    stored = await upsert(api, ALICE)
    assert await refusal(upsert(api, but(ALICE, webhook_url=url))) == expected
    patch = Recipient(recipient_id="alice", webhook_url=url)
    assert await refusal(update(api, patch)) == expected
    bad, good = await import_all(api, [but(ALICE, recipient_id="bad", webhook_url=url), ALICE])
    assert b"WEBHOOK_URL_REFUSED" in bad.error.details[0].value
    assert good.recipient == stored
    assert await get(api) == stored


async def test_other_tenants_recipients_are_not_there(api: Api, running: Hosted) -> None:
    stored = await upsert(api, ALICE)
    other = Api(running, f"{api.tenant_id}-other")
    assert await refusal(get(other)) == NOT_FOUND
    assert await refusal(update(other, Recipient(recipient_id="alice", locale="fr"))) == NOT_FOUND
    assert await refusal(delete(other, etag=stored.etag)) == NOT_FOUND
    assert await refusal(upsert(other, but(ALICE, etag=stored.etag))) == MISMATCH
    assert await ids(other, email="a@example.com") == await ids(other) == []
    assert await get(api) == stored


async def test_a_repeated_request_changes_nothing(api: Api) -> None:
    first = await upsert(api, ALICE, "r1")
    await update(api, Recipient(recipient_id="alice", locale="fr"), request_id="r1")
    assert await upsert(api, ALICE, "r1") == first
    assert (await get(api)).locale == "fr"
    code, reason, fields = await refusal(upsert(api, but(ALICE, locale="it"), "r1"))
    assert (code, reason, fields) == (Status.ALREADY_EXISTS, "REQUEST_ID_REUSED", ["request_id"])
    await delete(api)
    repeated = await update(api, Recipient(recipient_id="alice", locale="fr"), request_id="r1")
    assert repeated.locale == "fr"


async def test_a_refused_request_may_be_repeated_when_it_would_succeed(api: Api) -> None:
    patch = Recipient(recipient_id="alice", locale="fr")
    assert await refusal(update(api, patch, request_id="r1")) == NOT_FOUND
    await upsert(api, ALICE)
    assert (await update(api, patch, request_id="r1")).locale == "fr"
