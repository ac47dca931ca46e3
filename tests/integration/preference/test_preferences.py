"""Preferences are replaced, guarded, cleared and listed over all recipients."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import grpc
import pytest

from libs.opaque_tokens import write_token
from libs.paging import listing_of
from tests.integration.hosting import Hosted
from tests.integration.preference.api import (
    DISABLED,
    ENABLED,
    EVERY,
    MISMATCH,
    Api,
    not_found,
    refusal,
)
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL, CHANNEL_IN_APP, CHANNEL_WEBHOOK, Channel
from tidings.preference.v1.preference_service_pb2 import (
    PREFERENCE_CHOICE_UNSPECIFIED,
    DeletePreferencesRequest,
    GetPreferencesRequest,
    GetPreferencesResponse,
    ListPreferencesRequest,
    Preference,
    PreferenceChoice,
    UpdatePreferencesRequest,
    UpdatePreferencesResponse,
)

Status = grpc.StatusCode
NOT_FOUND = not_found("RECIPIENT_NOT_FOUND")
MUTED = Preference(choice=DISABLED)
MAILS = Preference(category="news", channel=CHANNEL_EMAIL, choice=ENABLED)
HOOKS = Preference(channel=CHANNEL_WEBHOOK, choice=DISABLED)


@pytest.fixture(autouse=True)
async def _seeded(api: Api) -> None:
    await api.category("news")
    await api.recipient("alice")


async def change(
    api: Api,
    *preferences: Preference,
    recipient_id: str = "alice",
    replace: bool = False,
    etag: str = "",
    request_id: str = "",
) -> UpdatePreferencesResponse:
    request = UpdatePreferencesRequest(
        recipient_id=recipient_id,
        preferences=preferences,
        replace=replace,
        etag=etag,
        request_id=request_id,
    )
    return await api.preferences.UpdatePreferences(request, metadata=api.metadata)


async def get(api: Api, recipient_id: str = "alice") -> GetPreferencesResponse:
    request = GetPreferencesRequest(recipient_id=recipient_id)
    return await api.preferences.GetPreferences(request, metadata=api.metadata)


async def delete(api: Api, *, etag: str = "", request_id: str = "") -> None:
    request = DeletePreferencesRequest(recipient_id="alice", etag=etag, request_id=request_id)
    await api.preferences.DeletePreferences(request, metadata=api.metadata)


async def listed(
    api: Api,
    *,
    size: int = 0,
    category: str = "",
    channel: Channel.ValueType = EVERY,
    choice: PreferenceChoice.ValueType = PREFERENCE_CHOICE_UNSPECIFIED,
) -> list[tuple[str, str, int]]:
    found: list[tuple[str, str, int]] = []
    token = ""
    while True:
        request = ListPreferencesRequest(
            page_size=size, page_token=token, category=category, channel=channel, choice=choice
        )
        page = await api.preferences.ListPreferences(request, metadata=api.metadata)
        found += [
            (each.recipient_id, each.preference.category, each.preference.channel)
            for each in page.preferences
        ]
        token = page.next_page_token
        if not token:
            return found


async def test_replacing_clears_what_is_not_named(api: Api) -> None:
    await change(api, MUTED, MAILS)
    assert list((await change(api, HOOKS, replace=True)).preferences) == [HOOKS]
    cleared = Preference(channel=CHANNEL_WEBHOOK)
    assert list((await change(api, MAILS, cleared, replace=True)).preferences) == [MAILS]
    assert not (await change(api, replace=True)).preferences
    assert not (await get(api)).preferences


async def test_replacing_with_what_cannot_be_changes_nothing(api: Api) -> None:
    before = await change(api, MUTED)
    unknown = Preference(category="nwes", choice=DISABLED)
    code, reason, _ = await refusal(change(api, unknown, replace=True))
    assert (code, reason) == (Status.NOT_FOUND, "CATEGORY_NOT_FOUND")
    assert (await get(api)).etag == before.etag


async def test_nothing_named_is_refused_unless_it_replaces(api: Api) -> None:
    expected = (Status.INVALID_ARGUMENT, "INVALID_FIELD", ["preferences"])
    assert await refusal(change(api)) == expected


async def test_an_etag_moves_with_each_change_and_guards_the_next(api: Api) -> None:
    none = await get(api)
    assert none.etag
    first = await change(api, MUTED, etag=none.etag)
    assert first.etag not in ("", none.etag)
    assert (await change(api, MUTED)).etag == first.etag == (await get(api)).etag
    assert await refusal(change(api, MAILS, etag=none.etag)) == MISMATCH
    assert await refusal(change(api, replace=True, etag=none.etag)) == MISMATCH
    second = await change(api, MAILS, etag=first.etag)
    assert await refusal(delete(api, etag=first.etag)) == MISMATCH
    await delete(api, etag=second.etag)
    assert (await get(api)).etag == none.etag


async def test_of_two_writers_who_know_one_state_one_wins(api: Api) -> None:
    etag = (await get(api)).etag
    writers = [change(api, each, etag=etag) for each in (MUTED, MAILS, HOOKS)]
    answers = await asyncio.gather(*writers, return_exceptions=True)
    won = [answer for answer in answers if isinstance(answer, UpdatePreferencesResponse)]
    assert len(won) == 1
    assert list((await get(api)).preferences) == list(won[0].preferences)


async def test_clearing_needs_a_recipient_and_no_preferences(api: Api, running: Hosted) -> None:
    await delete(api)
    await change(api, MUTED, MAILS)
    await delete(api)
    assert not (await get(api)).preferences
    other = Api(running, f"{api.tenant_id}-other")
    assert await refusal(delete(other)) == NOT_FOUND
    assert await refusal(change(other, MUTED)) == NOT_FOUND
    assert await refusal(get(other)) == NOT_FOUND


@pytest.mark.parametrize("size", [0, 1, 2])
async def test_lists_go_over_recipients_and_are_filtered(
    api: Api, running: Hosted, size: int
) -> None:
    await api.category("late")
    for name in ("bob", "Zoe"):
        await api.recipient(name)
        await change(api, MUTED, MAILS, recipient_id=name)
    in_app = Preference(category="news", channel=CHANNEL_IN_APP, choice=DISABLED)
    late = Preference(category="late", choice=ENABLED)
    await change(api, HOOKS, in_app, MAILS, late)
    hooks, late_all = ("alice", "", CHANNEL_WEBHOOK), ("alice", "late", EVERY)
    mails = [(name, "news", CHANNEL_EMAIL) for name in ("Zoe", "alice", "bob")]
    muted = [(name, "", EVERY) for name in ("Zoe", "bob")]
    in_apps = ("alice", "news", CHANNEL_IN_APP)
    assert await listed(api, size=size) == [
        muted[0], mails[0], hooks, late_all, mails[1], in_apps, muted[1], mails[2],
    ]  # fmt: skip
    assert await listed(api, size=size, category="news") == [
        mails[0], mails[1], in_apps, mails[2],
    ]  # fmt: skip
    assert await listed(api, size=size, channel=CHANNEL_EMAIL) == mails
    assert await listed(api, size=size, choice=DISABLED) == [muted[0], hooks, in_apps, muted[1]]
    assert await listed(api, size=size, category="news", choice=DISABLED) == [in_apps]
    assert await listed(api, category="news", channel=CHANNEL_WEBHOOK) == []
    assert await listed(Api(running, f"{api.tenant_id}-other")) == []


@pytest.mark.parametrize("key", ["alice", "alice\nnews", "a\nb\nc\nd"])
async def test_a_place_that_no_list_gave_is_refused(api: Api, key: str) -> None:
    await api.recipient("bob")
    for name in ("alice", "bob"):
        await change(api, MUTED, recipient_id=name)
    page = await api.preferences.ListPreferences(
        ListPreferencesRequest(page_size=1), metadata=api.metadata
    )
    assert page.next_page_token
    wrong: Sequence[ListPreferencesRequest] = (
        ListPreferencesRequest(page_token=page.next_page_token, choice=DISABLED),
        ListPreferencesRequest(
            page_token=write_token(
                key.encode(), listing_of(ListPreferencesRequest()), api.tenant_id
            )
        ),
    )
    for request in wrong:
        call = api.preferences.ListPreferences(request, metadata=api.metadata)
        assert (await refusal(call))[1] == "PAGE_TOKEN_INVALID"


async def test_a_repeated_request_changes_nothing(api: Api) -> None:
    first = await change(api, MUTED, request_id="r1")
    await delete(api, request_id="r1")
    assert await change(api, MUTED, request_id="r1") == first
    assert not (await get(api)).preferences
    await change(api, MAILS)
    await delete(api, request_id="r1")
    assert list((await get(api)).preferences) == [MAILS]
    reused = await refusal(change(api, HOOKS, request_id="r1"))
    assert reused == (Status.ALREADY_EXISTS, "REQUEST_ID_REUSED", ["request_id"])
