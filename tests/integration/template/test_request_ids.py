"""Mutations that are repeated with their request id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import grpc

from services.template.wiring import open_service
from tests.integration.forgetting import check_old_answers_are_forgotten
from tests.integration.template.calls import create, get, publish, update
from tests.integration.template.messages import STRANGER, TENANT, order_shipped
from tests.support.refusals import refusal
from tidings.template.v1.template_service_pb2 import (
    CreateTemplateRequest,
    DeleteTemplateRequest,
    PublishTemplateRequest,
    UpdateTemplateRequest,
)

if TYPE_CHECKING:
    from tidings.template.v1.template_service_pb2_grpc import TemplateServiceAsyncStub


async def test_a_repeated_creation_has_the_first_answer(
    templates: TemplateServiceAsyncStub,
) -> None:
    request = CreateTemplateRequest(name="made", content=order_shipped(), request_id="r1")
    first = await templates.CreateTemplate(request, metadata=TENANT)
    await publish(templates, "made")
    await update(templates, "made", "x")
    assert await templates.CreateTemplate(request, metadata=TENANT) == first
    request.content.in_app.title = "another"
    refused = await refusal(templates.CreateTemplate(request, metadata=TENANT))
    assert refused.code is grpc.StatusCode.ALREADY_EXISTS
    assert (refused.reason, refused.metadata) == ("REQUEST_ID_REUSED", {"request_id": "r1"})
    # Ids are the tenant's own.
    answer = await templates.CreateTemplate(request, metadata=STRANGER)
    assert answer.template.content.in_app.title == "another"


async def test_a_repeated_update_does_not_undo_the_one_between(
    templates: TemplateServiceAsyncStub,
) -> None:
    created = await create(templates, "changed")
    request = UpdateTemplateRequest(
        name="changed", content=order_shipped("1"), etag=created.etag, request_id="r1"
    )
    first = await templates.UpdateTemplate(request, metadata=TENANT)
    between = await update(templates, "changed", "2")
    # Its etag is old by now, and is not looked at again.
    assert await templates.UpdateTemplate(request, metadata=TENANT) == first
    assert await get(templates, "changed") == between


async def test_a_repeated_publication_has_the_first_version(
    templates: TemplateServiceAsyncStub,
) -> None:
    await create(templates, "published")
    request = PublishTemplateRequest(name="published", request_id="r1")
    assert (await templates.PublishTemplate(request, metadata=TENANT)).version == 1
    await update(templates, "published", "2")
    assert (await templates.PublishTemplate(request, metadata=TENANT)).version == 1
    assert (await get(templates, "published")).latest_version == 1


async def test_a_repeated_deletion_spares_the_template_made_since(
    templates: TemplateServiceAsyncStub,
) -> None:
    await create(templates, "deleted")
    request = DeleteTemplateRequest(name="deleted", request_id="r1")
    await templates.DeleteTemplate(request, metadata=TENANT)
    anew = await create(templates, "deleted")
    await templates.DeleteTemplate(request, metadata=TENANT)
    assert await get(templates, "deleted") == anew


async def test_what_is_refused_does_not_use_the_id_up(templates: TemplateServiceAsyncStub) -> None:
    request = PublishTemplateRequest(name="late", request_id="late-1")
    refused = await refusal(templates.PublishTemplate(request, metadata=TENANT))
    assert refused.reason == "TEMPLATE_NOT_FOUND"
    await create(templates, "late")
    request.request_id = "late-2"
    assert (await templates.PublishTemplate(request, metadata=TENANT)).version == 1
    request.request_id = "late-1"
    assert (await templates.PublishTemplate(request, metadata=TENANT)).version == 1


async def test_answers_are_not_stored_in_the_clear(
    templates: TemplateServiceAsyncStub, database_url: str
) -> None:
    request = CreateTemplateRequest(
        name="kept", content=order_shipped("easily found"), request_id="easily-found"
    )
    await templates.CreateTemplate(request, metadata=TENANT)
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("SELECT * FROM template.request_ids")
    await connection.close()
    assert rows
    assert b"easily" not in b"".join(row["request_digest"] + row["answer"] for row in rows)


async def test_old_answers_are_forgotten(database_url: str, redis_url: str) -> None:
    await check_old_answers_are_forgotten(
        open_service, schema="template", database_url=database_url, redis_url=redis_url
    )
