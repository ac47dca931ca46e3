"""Templates over real gRPC and PostgreSQL: written, published, read."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import grpc
import pytest

from tests.integration.template.calls import create, get, publish, update
from tests.integration.template.messages import STRANGER, TENANT, order_shipped
from tests.support.refusals import refusal
from tidings.template.v1.template_service_pb2 import (
    CreateTemplateRequest,
    EmailSource,
    GetTemplateRequest,
    InAppSource,
    ListTemplatesRequest,
    PublishTemplateRequest,
    Template,
    TemplateContent,
    TemplateVariable,
    UpdateTemplateRequest,
)

if TYPE_CHECKING:
    from tidings.template.v1.template_service_pb2_grpc import TemplateServiceAsyncStub


async def test_a_created_template_is_read_back(templates: TemplateServiceAsyncStub) -> None:
    created = await create(templates, "created")
    assert created.content == order_shipped()
    assert (created.name, created.latest_version) == ("created", 0)
    assert created.create_time == created.update_time
    assert created.etag
    assert await get(templates, "created") == created


async def test_a_name_is_taken_once_per_tenant(templates: TemplateServiceAsyncStub) -> None:
    await create(templates, "taken")
    refused = await refusal(create(templates, "taken"))
    assert refused.code is grpc.StatusCode.ALREADY_EXISTS
    assert (refused.reason, refused.metadata) == ("TEMPLATE_ALREADY_EXISTS", {"template": "taken"})
    request = CreateTemplateRequest(name="taken", content=order_shipped())
    assert (await templates.CreateTemplate(request, metadata=STRANGER)).template.name == "taken"


async def test_a_draft_that_cannot_render_is_refused_with_places(
    templates: TemplateServiceAsyncStub,
) -> None:
    content = TemplateContent(
        variables=[TemplateVariable(name="order"), TemplateVariable(name="order")],
        email=EmailSource(subject="{{ order", text="{{ order }}", html="<p>\n{{ tracking_url }}"),
        in_app=InAppSource(title="{{ order|center(999999999) }}"),
    )
    refused = await refusal(create(templates, "broken", content))
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert (refused.reason, refused.metadata) == ("TEMPLATE_INVALID", {"template": "broken"})
    assert refused.violations == {
        "content.variables[1].name": "`order` is declared twice; remove one",
        "content.email.subject": (
            "line 1: unexpected end of template, expected 'end of print statement'."
        ),
        "content.email.html": (
            "line 2: uses `tracking_url`, which is not declared; add it to content.variables"
        ),
        "content.in_app.title": "line 1: there is no filter `center`",
    }
    refused = await refusal(get(templates, "broken"))
    assert refused.reason == "TEMPLATE_NOT_FOUND"


async def test_a_draft_that_is_wrong_throughout_is_told_shortly(
    templates: TemplateServiceAsyncStub,
) -> None:
    long_names = "".join(f"{{{{ {letter * 2_000} }}}}" for letter in "abcdefghijklmnopqrstuvwxyz")
    content = TemplateContent(
        email=EmailSource(subject="{% " + "x" * 1_900 + " %}", text=long_names)
    )
    refused = await refusal(create(templates, "long", content))
    assert refused.reason == "TEMPLATE_INVALID"
    assert set(refused.violations) == {"content.email.subject", "content.email.text"}
    assert max(map(len, refused.violations.values())) < 250


async def test_a_draft_without_a_channel_is_refused(templates: TemplateServiceAsyncStub) -> None:
    content = TemplateContent(variables=[TemplateVariable(name="order")])
    refused = await refusal(create(templates, "empty", content))
    assert (refused.reason, set(refused.violations)) == ("TEMPLATE_INVALID", {"content"})


async def test_an_update_replaces_the_draft(templates: TemplateServiceAsyncStub) -> None:
    created = await create(templates, "updated")
    changed = await update(templates, "updated", "Sent!", created.etag)
    assert changed.content == order_shipped("Sent!")
    assert changed.etag != created.etag
    assert changed.create_time == created.create_time
    assert changed.update_time.ToDatetime() > created.update_time.ToDatetime()
    assert await get(templates, "updated") == changed


@pytest.mark.parametrize("etag", ["9", "nonsense", "\0", "00001"])
async def test_an_old_etag_changes_nothing(templates: TemplateServiceAsyncStub, etag: str) -> None:
    name = f"etag-{etag.encode().hex()}"
    created = await create(templates, name)
    for call in (update(templates, name, "x", etag), publish(templates, name, etag)):
        refused = await refusal(call)
        assert refused.code is grpc.StatusCode.ABORTED
        assert (refused.reason, refused.metadata) == ("ETAG_MISMATCH", {"etag": created.etag})
    assert await get(templates, name) == created


async def test_of_updates_at_once_with_one_etag_one_wins(
    templates: TemplateServiceAsyncStub,
) -> None:
    created = await create(templates, "contended")
    results = await asyncio.gather(
        *(update(templates, "contended", f"by {writer}", created.etag) for writer in range(5)),
        return_exceptions=True,
    )
    (winner,) = [result for result in results if isinstance(result, Template)]
    assert await get(templates, "contended") == winner


async def test_an_invalid_update_leaves_the_draft(templates: TemplateServiceAsyncStub) -> None:
    created = await create(templates, "kept")
    assert (await refusal(update(templates, "kept", "{{ nope }}"))).reason == "TEMPLATE_INVALID"
    assert await get(templates, "kept") == created


async def test_versions_count_up_and_never_change(templates: TemplateServiceAsyncStub) -> None:
    await create(templates, "published")
    assert await publish(templates, "published") == 1
    changed = await update(templates, "published", "Second")
    assert changed.latest_version == 1
    assert await publish(templates, "published", changed.etag) == 2
    await update(templates, "published", "Third, a draft")
    assert (await get(templates, "published", 1)).content == order_shipped()
    assert (await get(templates, "published", 2)).content == order_shipped("Second")
    draft = await get(templates, "published")
    assert draft.content == order_shipped("Third, a draft")
    assert draft.latest_version == 2


async def test_an_equal_draft_is_not_published_again(templates: TemplateServiceAsyncStub) -> None:
    await create(templates, "same")
    assert [await publish(templates, "same") for _ in range(2)] == [1, 1]
    await update(templates, "same", "other")
    assert await publish(templates, "same") == 2
    # Back to what version 1 said: the newest is another, so this is a new version.
    await update(templates, "same", "Order {{ order.id }} is on its way")
    assert await publish(templates, "same") == 3


async def test_of_publications_at_once_one_makes_the_version(
    templates: TemplateServiceAsyncStub, database_url: str
) -> None:
    await create(templates, "rush")
    assert await asyncio.gather(*(publish(templates, "rush") for _ in range(6))) == [1] * 6
    connection = await asyncpg.connect(database_url)
    stored = await connection.fetchval("SELECT count(*) FROM template.versions WHERE name = 'rush'")
    await connection.close()
    assert stored == 1


async def test_a_template_of_another_tenant_is_not_there(
    templates: TemplateServiceAsyncStub,
) -> None:
    await create(templates, "private")
    await publish(templates, "private")
    calls = (
        templates.GetTemplate(GetTemplateRequest(name="private"), metadata=STRANGER),
        templates.GetTemplate(GetTemplateRequest(name="private", version=1), metadata=STRANGER),
        templates.PublishTemplate(PublishTemplateRequest(name="private"), metadata=STRANGER),
        templates.UpdateTemplate(
            UpdateTemplateRequest(name="private", content=order_shipped()), metadata=STRANGER
        ),
    )
    for call in calls:
        refused = await refusal(call)
        assert refused.code is grpc.StatusCode.NOT_FOUND
        assert refused.reason == "TEMPLATE_NOT_FOUND"
        assert refused.metadata == {"template": "private"}


async def test_a_version_that_is_not_published_is_told(templates: TemplateServiceAsyncStub) -> None:
    await create(templates, "young")
    refused = await refusal(get(templates, "young", 1))
    assert refused.message == "young v1 was never published; nothing is published"
    await publish(templates, "young")
    refused = await refusal(get(templates, "young", 7))
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.reason == "TEMPLATE_NOT_PUBLISHED"
    assert refused.metadata == {"template": "young", "version": "7"}
    assert refused.message == "young v7 was never published; its newest is v1"


async def test_pages_list_every_template_once_by_name(templates: TemplateServiceAsyncStub) -> None:
    lister = (("x-test-caller", '{"tenant_id": "lister", "subject": "key"}'),)
    names = ["b", "a.z", "a-z", "a", "z_1"]
    for name in names:
        request = CreateTemplateRequest(name=name, content=order_shipped())
        await templates.CreateTemplate(request, metadata=lister)
    seen: list[Template] = []
    token = ""
    for expected in (2, 2, 1):
        page = await templates.ListTemplates(
            ListTemplatesRequest(page_size=2, page_token=token), metadata=lister
        )
        assert len(page.templates) == expected
        seen += page.templates
        token = page.next_page_token
    assert token == ""
    assert [template.name for template in seen] == sorted(names)
    assert not any(template.HasField("content") for template in seen)
    assert all(template.etag for template in seen)


async def test_a_page_token_is_for_who_got_it(templates: TemplateServiceAsyncStub) -> None:
    await create(templates, "page-1")
    await create(templates, "page-2")
    page = await templates.ListTemplates(ListTemplatesRequest(page_size=1), metadata=TENANT)
    request = ListTemplatesRequest(page_token=page.next_page_token)
    refused = await refusal(templates.ListTemplates(request, metadata=STRANGER))
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert (refused.reason, set(refused.violations)) == ("PAGE_TOKEN_INVALID", {"page_token"})
