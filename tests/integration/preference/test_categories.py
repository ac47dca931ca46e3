"""Categories are changed whole and in part, end with the preferences about them, and are found again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from tests.integration.hosting import Hosted
from tests.integration.preference.api import (
    BOTH,
    DISABLED,
    EVERY,
    MISMATCH,
    Api,
    not_found,
    refusal,
)
from tests.integration.preference.collisions import collide
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL, CHANNEL_WEBHOOK
from tidings.common.v1.priority_pb2 import PRIORITY_HIGH, PRIORITY_NORMAL
from tidings.preference.v1.category_service_pb2 import (
    CATEGORY_CLASS_MARKETING,
    CATEGORY_CLASS_REMINDER,
    CATEGORY_CLASS_SYSTEM,
    CATEGORY_CLASS_TRANSACTIONAL,
    GUARANTEE_AT_LEAST_ONCE,
    GUARANTEE_AT_MOST_ONCE,
    Category,
    CategoryClass,
    DeleteCategoryRequest,
    GetCategoryRequest,
    ListCategoriesRequest,
    UpdateCategoryRequest,
    UpsertCategoryRequest,
)
from tidings.preference.v1.preference_service_pb2 import GetPreferencesRequest

Status = grpc.StatusCode
NOT_FOUND = not_found("CATEGORY_NOT_FOUND")


def news(**fields: object) -> Category:
    """Returns a patch of the category `news`."""
    return Category(name="news", **fields)  # type: ignore[arg-type]


async def store(api: Api, *, etag: str = "", request_id: str = "") -> Category:
    category = news(
        channels=BOTH,
        priority=PRIORITY_HIGH,
        ttl=Duration(seconds=60),
        guarantee=GUARANTEE_AT_MOST_ONCE,
        etag=etag,
    )
    category.category_class = CATEGORY_CLASS_MARKETING
    request = UpsertCategoryRequest(category=category, request_id=request_id)
    return (await api.categories.UpsertCategory(request, metadata=api.metadata)).category


async def update(
    api: Api, patch: Category | None, paths: Sequence[str] = (), request_id: str = ""
) -> Category:
    request = UpdateCategoryRequest(category=patch, request_id=request_id)
    if paths:
        request.update_mask.CopyFrom(FieldMask(paths=paths))
    return (await api.categories.UpdateCategory(request, metadata=api.metadata)).category


async def get(api: Api) -> Category:
    request = GetCategoryRequest(name="news")
    return (await api.categories.GetCategory(request, metadata=api.metadata)).category


async def delete(api: Api, *, etag: str = "", request_id: str = "") -> None:
    request = DeleteCategoryRequest(name="news", etag=etag, request_id=request_id)
    await api.categories.DeleteCategory(request, metadata=api.metadata)


async def names(
    api: Api,
    *,
    prefix: str = "",
    kind: CategoryClass.ValueType = CategoryClass.CATEGORY_CLASS_UNSPECIFIED,
) -> list[str]:
    found: list[str] = []
    token = ""
    while True:
        request = ListCategoriesRequest(page_size=2, page_token=token, name_prefix=prefix)
        request.category_class = kind
        page = await api.categories.ListCategories(request, metadata=api.metadata)
        found += [category.name for category in page.categories]
        token = page.next_page_token
        if not token:
            return found


async def test_an_etag_moves_with_each_change_and_guards_the_next(api: Api) -> None:
    assert await refusal(store(api, etag="1")) == MISMATCH
    first = await store(api)
    assert await store(api) == await store(api, etag=first.etag) == first
    changed = await update(api, news(priority=PRIORITY_NORMAL, etag=first.etag))
    assert changed.etag != first.etag
    assert await refusal(store(api, etag=first.etag)) == MISMATCH
    assert await refusal(update(api, news(etag=first.etag))) == MISMATCH
    assert await get(api) == changed


async def test_an_update_changes_what_its_mask_names(api: Api) -> None:
    stored = await store(api)
    # Without a mask what is set.
    patch = news(channels=[CHANNEL_WEBHOOK])
    patch.category_class = CATEGORY_CLASS_REMINDER
    changed = await update(api, patch)
    assert list(changed.channels) == [CHANNEL_WEBHOOK]
    assert changed.category_class == CATEGORY_CLASS_REMINDER
    assert (changed.priority, changed.ttl, changed.guarantee) == (
        stored.priority,
        stored.ttl,
        stored.guarantee,
    )
    # In the mask and not set: the default. Outside of it: not looked at.
    patch = news(channels=[0, 0], ttl=Duration(seconds=-1))
    changed = await update(api, patch, ["priority", "guarantee"])
    assert (changed.priority, changed.guarantee) == (PRIORITY_NORMAL, GUARANTEE_AT_LEAST_ONCE)
    assert list(changed.channels) == [CHANNEL_WEBHOOK]
    assert (await update(api, news(), ["ttl"])).ttl.ToTimedelta() == timedelta(days=3)
    whole = news(channels=[CHANNEL_EMAIL])
    whole.category_class = CATEGORY_CLASS_SYSTEM
    changed = await update(api, whole, ["*"])
    assert (list(changed.channels), changed.priority) == ([CHANNEL_EMAIL], PRIORITY_NORMAL)


@pytest.mark.parametrize(
    ("patch", "paths", "fields"),
    [
        (news(), ["category_class"], ["category.category_class"]),
        (news(), ["channels"], ["category.channels"]),
        (news(channels=[CHANNEL_EMAIL, CHANNEL_EMAIL]), [], ["category.channels"]),
        (news(channels=[CHANNEL_EMAIL, 77]), [], ["category.channels[1]"]),
        (news(ttl=Duration(seconds=-1)), [], ["category.ttl"]),
        (news(priority=77), [], ["category.priority"]),
        (news(), ["*"], ["category.category_class", "category.channels"]),
        (news(), ["name"], ["update_mask"]),
        (news(), ["category.ttl"], ["update_mask"]),
        (Category(name="no name"), [], ["category.name"]),
        (Category(name="a\0"), [], ["category.name"]),
        (news(etag="x" * 65), [], ["category.etag"]),
        (None, [], ["category.name"]),
    ],
)
async def test_what_the_whole_cannot_be_is_refused_at_its_field(
    api: Api, patch: Category | None, paths: list[str], fields: list[str]
) -> None:
    stored = await store(api)
    expected = (Status.INVALID_ARGUMENT, "INVALID_FIELD", fields)
    assert await refusal(update(api, patch, paths)) == expected
    assert await get(api) == stored


async def test_a_change_of_class_must_suit_the_ttl_that_stays(api: Api) -> None:
    await store(api)
    await update(api, news(ttl=Duration(seconds=30 * 86400)))
    patch = news()
    patch.category_class = CATEGORY_CLASS_SYSTEM
    expected = (Status.INVALID_ARGUMENT, "INVALID_FIELD", ["category.ttl"])
    assert await refusal(update(api, patch)) == expected
    # With a shorter one it may.
    patch.ttl.FromTimedelta(timedelta(days=7))
    assert (await update(api, patch)).ttl.ToTimedelta() == timedelta(days=7)


async def test_of_two_writers_who_know_one_state_one_wins(api: Api, database_url: str) -> None:
    stored = await store(api)
    writers = [
        update(api, news(ttl=Duration(seconds=seconds), etag=stored.etag)) for seconds in (1, 2, 3)
    ]
    answers = await collide(database_url, "categories", api.tenant_id, writers)
    won = [answer for answer in answers if isinstance(answer, Category)]
    assert won == [await get(api)]


async def test_deleting_takes_the_preferences_about_it_along(api: Api) -> None:
    assert await refusal(delete(api)) == NOT_FOUND
    stored = await store(api)
    await api.category("other")
    await api.recipient("alice")
    await api.prefer("alice", ("news", EVERY, DISABLED), ("other", EVERY, DISABLED))
    read = GetPreferencesRequest(recipient_id="alice")
    before = await api.preferences.GetPreferences(read, metadata=api.metadata)
    assert await refusal(delete(api, etag="other")) == MISMATCH
    await delete(api, etag=stored.etag)
    assert await refusal(get(api)) == NOT_FOUND
    after = await api.preferences.GetPreferences(read, metadata=api.metadata)
    assert [word.category for word in after.preferences] == ["other"]
    assert after.etag != before.etag


async def test_no_preference_outlives_the_category_it_is_about(api: Api) -> None:
    await asyncio.gather(*(api.recipient(f"r{number}") for number in range(20)))
    for _ in range(5):
        await store(api)
        writers = [api.prefer(f"r{number}", ("news", EVERY, DISABLED)) for number in range(20)]
        middle = len(writers) // 2
        answers = await asyncio.gather(
            *writers[:middle], delete(api), *writers[middle:], return_exceptions=True
        )
        refused = [each for each in answers if isinstance(each, grpc.aio.AioRpcError)]
        assert {error.code() for error in refused} <= {Status.NOT_FOUND}
        for number in range(20):
            request = GetPreferencesRequest(recipient_id=f"r{number}")
            left = await api.preferences.GetPreferences(request, metadata=api.metadata)
            assert not left.preferences


async def test_lists_are_filtered(api: Api) -> None:
    kinds = {
        "order": CATEGORY_CLASS_TRANSACTIONAL,
        "order.shipped": CATEGORY_CLASS_TRANSACTIONAL,
        "order_late": CATEGORY_CLASS_REMINDER,
        "orders": CATEGORY_CLASS_TRANSACTIONAL,
        "a": CATEGORY_CLASS_REMINDER,
    }
    for name, kind in kinds.items():
        await api.category(name, kind=kind)
    assert await names(api) == ["a", "order", "order.shipped", "order_late", "orders"]
    assert await names(api, prefix="order") == ["order", "order.shipped", "order_late", "orders"]
    assert await names(api, prefix="order.") == ["order.shipped"]
    assert await names(api, kind=CATEGORY_CLASS_REMINDER) == ["a", "order_late"]
    assert await names(api, prefix="o", kind=CATEGORY_CLASS_REMINDER) == ["order_late"]
    assert await names(api, kind=CATEGORY_CLASS_SYSTEM) == []


async def test_other_tenants_categories_are_not_there(api: Api, running: Hosted) -> None:
    stored = await store(api)
    other = Api(running, f"{api.tenant_id}-other")
    assert await refusal(get(other)) == NOT_FOUND
    assert await refusal(update(other, news(priority=PRIORITY_NORMAL))) == NOT_FOUND
    assert await refusal(delete(other)) == NOT_FOUND
    assert await names(other) == []
    assert await get(api) == stored


async def test_a_repeated_request_changes_nothing(api: Api) -> None:
    first = await store(api, request_id="r1")
    changed = await update(api, news(priority=PRIORITY_NORMAL), request_id="r1")
    assert await store(api, request_id="r1") == first
    await delete(api, request_id="r1")
    await store(api)
    assert await update(api, news(priority=PRIORITY_NORMAL), request_id="r1") == changed
    await delete(api, request_id="r1")
    assert (await get(api)).priority == PRIORITY_HIGH
    reused = await refusal(delete(api, etag="x", request_id="r1"))
    assert reused == (Status.ALREADY_EXISTS, "REQUEST_ID_REUSED", ["request_id"])
