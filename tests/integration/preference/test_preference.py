"""preference over real gRPC and PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import asyncpg
import grpc
import pytest

from tests.integration.hosting import Hosted
from tests.integration.preference.api import (
    BOTH,
    CLEARED,
    DISABLED,
    ENABLED,
    EVERY,
    Api,
    refusal,
)
from tidings.common.v1.channel_pb2 import (
    CHANNEL_EMAIL,
    CHANNEL_IN_APP,
)
from tidings.common.v1.priority_pb2 import PRIORITY_HIGH, PRIORITY_NORMAL
from tidings.internal.preference.v1 import planning_service_pb2 as planning_pb
from tidings.preference.v1 import category_service_pb2 as category_pb
from tidings.preference.v1 import preference_service_pb2 as preference_pb
from tidings.preference.v1 import recipient_service_pb2 as recipient_pb


async def test_defaults_are_stored(api: Api) -> None:
    recipient = await api.recipient("alice")
    assert (recipient.locale, recipient.time_zone) == ("en", "UTC")
    category = await api.category("order.shipped")
    assert category.priority == PRIORITY_NORMAL
    assert category.ttl.ToTimedelta() == timedelta(days=3)
    assert category.guarantee == category_pb.GUARANTEE_AT_LEAST_ONCE
    read = await api.recipients.GetRecipient(
        recipient_pb.GetRecipientRequest(recipient_id="alice"), metadata=api.metadata
    )
    assert read.recipient == recipient
    found = await api.categories.GetCategory(
        category_pb.GetCategoryRequest(name="order.shipped"), metadata=api.metadata
    )
    assert found.category == category


async def test_a_repeat_changes_nothing_and_a_change_moves_the_time(api: Api) -> None:
    first = await api.recipient("alice", "a@example.com")
    assert await api.recipient("alice", "a@example.com") == first
    changed = await api.recipient("alice", "b@example.com")
    assert list(changed.emails) == ["b@example.com"]
    assert changed.create_time == first.create_time
    assert changed.update_time.ToNanoseconds() > first.update_time.ToNanoseconds()
    category = await api.category("a")
    assert await api.category("a") == category


@pytest.mark.parametrize(
    ("recipient", "field"),
    [
        (recipient_pb.Recipient(recipient_id="a", time_zone="Mars/Olympus"), "recipient.time_zone"),
        (recipient_pb.Recipient(recipient_id="a", emails=["no address"]), "recipient.emails[0]"),
        (recipient_pb.Recipient(recipient_id="a", emails=["a@b.c\n"]), "recipient.emails[0]"),
        (recipient_pb.Recipient(recipient_id="a\n"), "recipient.recipient_id"),
        (recipient_pb.Recipient(recipient_id="a", phone_numbers=["123"]), None),
    ],
)
async def test_what_cannot_be_is_refused(
    api: Api, recipient: recipient_pb.Recipient, field: str | None
) -> None:
    request = recipient_pb.UpsertRecipientRequest(recipient=recipient)
    code, reason, fields = await refusal(
        api.recipients.UpsertRecipient(request, metadata=api.metadata)
    )
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert reason == "INVALID_FIELD"
    assert field is None or fields == [field]


async def test_lists_go_on_where_they_were(api: Api) -> None:
    names = [f"r{number}" for number in range(5)]
    for name in reversed(names):
        await api.recipient(name)
    listed: list[str] = []
    token = ""
    while True:
        page = await api.recipients.ListRecipients(
            recipient_pb.ListRecipientsRequest(page_size=2, page_token=token),
            metadata=api.metadata,
        )
        listed += [recipient.recipient_id for recipient in page.recipients]
        token = page.next_page_token
        if not token:
            break
        last = token
    assert listed == names
    foreign = category_pb.ListCategoriesRequest(page_token=last)
    code, reason, _ = await refusal(api.categories.ListCategories(foreign, metadata=api.metadata))
    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")


async def test_categories_are_listed_by_name(api: Api) -> None:
    for name in ("b", "a", "c"):
        await api.category(name)
    page = await api.categories.ListCategories(
        category_pb.ListCategoriesRequest(), metadata=api.metadata
    )
    assert [category.name for category in page.categories] == ["a", "b", "c"]
    assert not page.next_page_token


async def test_tenants_see_their_own_only(api: Api, running: Hosted) -> None:
    await api.recipient("alice")
    other = Api(running, "other")
    code, reason, _ = await refusal(
        other.recipients.GetRecipient(
            recipient_pb.GetRecipientRequest(recipient_id="alice"), metadata=other.metadata
        )
    )
    assert (code, reason) == (grpc.StatusCode.NOT_FOUND, "RECIPIENT_NOT_FOUND")


async def test_preferences_are_set_changed_and_cleared(api: Api) -> None:
    await api.recipient("alice")
    await api.category("news")
    assert await api.prefer("alice", ("news", EVERY, DISABLED), ("", CHANNEL_EMAIL, ENABLED)) == [
        ("", CHANNEL_EMAIL, ENABLED),
        ("news", EVERY, DISABLED),
    ]
    assert await api.prefer(
        "alice", ("news", EVERY, ENABLED), ("", CHANNEL_EMAIL, CLEARED), ("", EVERY, CLEARED)
    ) == [("news", EVERY, ENABLED)]
    read = await api.preferences.GetPreferences(
        preference_pb.GetPreferencesRequest(recipient_id="alice"), metadata=api.metadata
    )
    assert [word.category for word in read.preferences] == ["news"]


async def test_preferences_name_what_there_is(api: Api) -> None:
    assert await refusal(api.prefer("nobody", ("", EVERY, DISABLED))) == (
        grpc.StatusCode.NOT_FOUND,
        "RECIPIENT_NOT_FOUND",
        [],
    )
    await api.recipient("alice")
    await api.category("news")
    refused = await refusal(
        api.prefer("alice", ("news", EVERY, DISABLED), ("nwes", EVERY, DISABLED))
    )
    assert refused[:2] == (grpc.StatusCode.NOT_FOUND, "CATEGORY_NOT_FOUND")
    # All or nothing.
    read = await api.preferences.GetPreferences(
        preference_pb.GetPreferencesRequest(recipient_id="alice"), metadata=api.metadata
    )
    assert not read.preferences
    twice = await refusal(api.prefer("alice", ("", EVERY, DISABLED), ("", EVERY, ENABLED)))
    assert twice == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", ["preferences[1]"])
    nobody = preference_pb.GetPreferencesRequest(recipient_id="nobody")
    unread = await refusal(api.preferences.GetPreferences(nobody, metadata=api.metadata))
    assert unread[1] == "RECIPIENT_NOT_FOUND"


async def test_sends_are_checked_in_order(api: Api, running: Hosted) -> None:
    await api.recipient("alice")
    category = category_pb.Category(name="urgent", channels=BOTH, priority=PRIORITY_HIGH)
    category.category_class = category_pb.CATEGORY_CLASS_REMINDER
    await api.categories.UpsertCategory(
        category_pb.UpsertCategoryRequest(category=category), metadata=api.metadata
    )
    asked = [
        (api.tenant_id, "alice", "urgent"),
        (api.tenant_id, "nobody", "urgent"),
        (api.tenant_id, "alice", "nothing"),
        ("other", "alice", "urgent"),
        (api.tenant_id, "alice", "urgent"),
    ]
    answer = await api.planning.CheckSends(
        planning_pb.CheckSendsRequest(
            checks=[
                planning_pb.SendCheck(tenant_id=tenant, recipient_id=recipient, category=name)
                for tenant, recipient, name in asked
            ]
        )
    )
    known = [(r.recipient_known, r.HasField("category")) for r in answer.results]
    assert known == [(True, True), (False, True), (True, False), (False, False), (True, True)]
    assert answer.results[0].category.priority == PRIORITY_HIGH
    assert answer.results[0].category.ttl.ToTimedelta() == timedelta(days=3)
    assert answer.results[0].category.guarantee == category_pb.GUARANTEE_AT_LEAST_ONCE


async def test_plans_follow_what_is_stored(api: Api) -> None:
    await api.recipient("alice", "a@example.com")
    await api.recipient("bob")
    await api.category("news")
    await api.category("security", kind=category_pb.CATEGORY_CLASS_SYSTEM)
    await api.prefer("alice", ("", EVERY, DISABLED), ("news", CHANNEL_IN_APP, ENABLED))
    tasks = [
        api.task("alice", "news"),
        api.task("alice", "security"),
        api.task("bob", "news"),
        api.task("nobody", "news"),
        api.task("bob", "nothing"),
    ]
    answer = await api.planning.PlanDeliveries(planning_pb.PlanDeliveriesRequest(tasks=tasks))
    assert [
        (planning_pb.PlanOutcome.Name(plan.outcome), [d.endpoint for d in plan.deliveries])
        for plan in answer.plans
    ] == [
        ("PLAN_OUTCOME_DELIVER", ["alice"]),
        ("PLAN_OUTCOME_DELIVER", ["a@example.com", "alice"]),
        ("PLAN_OUTCOME_DELIVER", ["bob"]),
        ("PLAN_OUTCOME_RECIPIENT_UNKNOWN", []),
        ("PLAN_OUTCOME_CATEGORY_UNKNOWN", []),
    ]


@pytest.mark.parametrize("size", [1, 500])
async def test_a_batch_costs_the_same_statements_whatever_its_size(
    api: Api, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements: list[str] = []
    fetch = asyncpg.Connection.fetch

    async def counted(
        connection: asyncpg.Connection, query: str, *arguments: object, **options: Any
    ) -> object:
        # Other services of the run may be at work in this process, too.
        if "preference." in query:
            statements.append(query)
        return await fetch(connection, query, *arguments, **options)

    monkeypatch.setattr(asyncpg.Connection, "fetch", counted)
    tasks = [api.task(f"r{number}", f"c{number}") for number in range(size)]
    await api.planning.PlanDeliveries(planning_pb.PlanDeliveriesRequest(tasks=tasks))
    assert len(statements) == 3
    checks = [
        planning_pb.SendCheck(tenant_id="t", recipient_id=f"r{number}", category="c")
        for number in range(size)
    ]
    await api.planning.CheckSends(planning_pb.CheckSendsRequest(checks=checks))
    assert len(statements) == 5
