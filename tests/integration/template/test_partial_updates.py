"""Drafts that are changed in part."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from tests.integration.template.calls import create, get
from tests.integration.template.messages import TENANT, order_shipped
from tests.support.refusals import refusal
from tidings.template.v1.template_service_pb2 import (
    EmailSource,
    InAppSource,
    Template,
    TemplateContent,
    TemplateVariable,
    UpdateTemplateRequest,
    WebhookSource,
)

if TYPE_CHECKING:
    from tidings.template.v1.template_service_pb2_grpc import TemplateServiceAsyncStub


async def change(
    templates: TemplateServiceAsyncStub,
    name: str,
    content: TemplateContent,
    *paths: str,
    etag: str = "",
) -> Template:
    request = UpdateTemplateRequest(
        name=name, content=content, update_mask=FieldMask(paths=paths), etag=etag
    )
    return (await templates.UpdateTemplate(request, metadata=TENANT)).template


async def test_a_part_is_replaced_and_the_others_stay(templates: TemplateServiceAsyncStub) -> None:
    created = await create(templates, "part")
    content = TemplateContent(
        email=EmailSource(subject="not in the mask", text="t"), in_app=InAppSource(title="New")
    )
    changed = await change(templates, "part", content, "in_app", etag=created.etag)
    expected = order_shipped()
    expected.in_app.CopyFrom(InAppSource(title="New"))
    assert changed.content == expected
    assert changed.etag != created.etag
    assert await get(templates, "part") == changed


async def test_a_part_that_is_not_set_is_removed(templates: TemplateServiceAsyncStub) -> None:
    await create(templates, "removed")
    changed = await change(templates, "removed", TemplateContent(), "email")
    assert not changed.content.HasField("email")
    assert changed.content.in_app == order_shipped().in_app
    refused = await refusal(change(templates, "removed", TemplateContent(), "in_app"))
    assert (refused.reason, set(refused.violations)) == ("TEMPLATE_INVALID", {"content"})


async def test_a_star_replaces_the_draft(templates: TemplateServiceAsyncStub) -> None:
    await create(templates, "star")
    content = TemplateContent(webhook=WebhookSource(data="{}"))
    assert (await change(templates, "star", content, "*")).content == content


async def test_the_parts_that_stay_are_checked_with_the_new_variables(
    templates: TemplateServiceAsyncStub,
) -> None:
    created = await create(templates, "whole")
    content = TemplateContent(variables=[TemplateVariable(name="order")])
    refused = await refusal(change(templates, "whole", content, "variables"))
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.reason == "TEMPLATE_INVALID"
    assert set(refused.violations) == {
        "content.email.text",
        "content.email.html",
        "content.in_app.body",
        "content.in_app.action_url",
    }
    assert await get(templates, "whole") == created


async def test_changes_of_different_parts_at_once_all_count(
    templates: TemplateServiceAsyncStub,
) -> None:
    await create(templates, "at-once")
    email = TemplateContent(email=EmailSource(subject="New", text="New"))
    in_app = TemplateContent(in_app=InAppSource(title="New"))
    await asyncio.gather(
        change(templates, "at-once", email, "email"),
        change(templates, "at-once", in_app, "in_app"),
    )
    content = (await get(templates, "at-once")).content
    assert (content.email.subject, content.in_app.title) == ("New", "New")


@pytest.mark.parametrize("path", ["name", "content.email", "email.subject", "in-app", ""])
async def test_an_unknown_path_is_told_with_the_known_ones(
    templates: TemplateServiceAsyncStub, path: str
) -> None:
    refused = await refusal(
        change(templates, "masked", order_shipped(), "email", path),
    )
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert (refused.reason, set(refused.violations)) == ("INVALID_FIELD", {"update_mask"})
    assert refused.violations["update_mask"] == (
        f"`{path}` cannot be changed; choose from `email`, `in_app`, `variables`, `webhook`, `*`"
    )
