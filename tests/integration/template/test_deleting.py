"""Templates that are deleted, and what was accepted with them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc

from tests.integration.template.calls import create, delete, get, publish, update
from tests.integration.template.messages import SENT, STRANGER, TENANT, order_shipped
from tests.support.refusals import refusal
from tidings.common.v1.channel_pb2 import CHANNEL_IN_APP
from tidings.internal.template.v1.rendering_service_pb2 import (
    DescribeTemplatesRequest,
    RenderBatchRequest,
    RenderTask,
    TemplateReference,
)
from tidings.template.v1.template_service_pb2 import (
    DeleteTemplateRequest,
    ListTemplatesRequest,
    ListTemplateVersionsRequest,
    PreviewTemplateRequest,
    Template,
)

if TYPE_CHECKING:
    from tidings.internal.template.v1.rendering_service_pb2_grpc import RenderingServiceAsyncStub
    from tidings.template.v1.template_service_pb2_grpc import TemplateServiceAsyncStub


def reference(name: str, version: int) -> TemplateReference:
    return TemplateReference(tenant_id="acme", name=name, version=version)


async def described(
    rendering: RenderingServiceAsyncStub, name: str, *versions: int
) -> list[tuple[bool, int]]:
    request = DescribeTemplatesRequest(templates=[reference(name, number) for number in versions])
    answer = await rendering.DescribeTemplates(request)
    return [(found.name_known, found.version) for found in answer.descriptions]


async def title(rendering: RenderingServiceAsyncStub, name: str, version: int) -> str:
    task = RenderTask(
        template=reference(name, version),
        channel=CHANNEL_IN_APP,
        variables=SENT.SerializeToString(),
    )
    (result,) = (await rendering.RenderBatch(RenderBatchRequest(tasks=[task]))).results
    return result.content.in_app.title


async def versions(templates: TemplateServiceAsyncStub, name: str) -> list[int]:
    request = ListTemplateVersionsRequest(name=name)
    answer = await templates.ListTemplateVersions(request, metadata=TENANT)
    return [version.version for version in answer.versions]


async def test_a_deleted_template_is_nowhere(templates: TemplateServiceAsyncStub) -> None:
    await create(templates, "gone")
    await publish(templates, "gone")
    await delete(templates, "gone")
    preview = PreviewTemplateRequest(name="gone", version=1, channel=CHANNEL_IN_APP, variables=SENT)
    for call in (
        get(templates, "gone"),
        get(templates, "gone", 1),
        update(templates, "gone", "x"),
        publish(templates, "gone"),
        delete(templates, "gone"),
        versions(templates, "gone"),
        templates.PreviewTemplate(preview, metadata=TENANT),
    ):
        refused = await refusal(call)
        assert refused.code is grpc.StatusCode.NOT_FOUND
        assert (refused.reason, refused.metadata) == ("TEMPLATE_NOT_FOUND", {"template": "gone"})
    listed = await templates.ListTemplates(ListTemplatesRequest(page_size=200), metadata=TENANT)
    assert "gone" not in {template.name for template in listed.templates}


async def test_no_new_send_can_name_it_and_accepted_ones_are_rendered(
    templates: TemplateServiceAsyncStub, rendering: RenderingServiceAsyncStub
) -> None:
    await create(templates, "accepted")
    await publish(templates, "accepted")
    await delete(templates, "accepted")
    assert await described(rendering, "accepted", 0, 1) == [(False, 0), (False, 0)]
    assert await title(rendering, "accepted", 1) == "Order 42 is on its way"


async def test_a_template_made_anew_goes_on_counting(
    templates: TemplateServiceAsyncStub, rendering: RenderingServiceAsyncStub
) -> None:
    first = await create(templates, "anew")
    await publish(templates, "anew")
    await update(templates, "anew", "Second")
    await publish(templates, "anew")
    await delete(templates, "anew")
    second = await create(templates, "anew", order_shipped("Second"))
    assert second.latest_version == 0
    assert second.create_time.ToDatetime() > first.create_time.ToDatetime()
    # The versions of the one before are neither shown nor sent any more.
    assert await versions(templates, "anew") == []
    assert (await refusal(get(templates, "anew", 2))).reason == "TEMPLATE_NOT_PUBLISHED"
    assert await described(rendering, "anew", 0, 2) == [(True, 0), (True, 0)]
    assert await publish(templates, "anew") == 3
    assert (await get(templates, "anew")).latest_version == 3
    assert await versions(templates, "anew") == [3]
    assert await described(rendering, "anew", 0, 3, 2) == [(True, 3), (True, 3), (True, 0)]
    assert await title(rendering, "anew", 1) == "Order 42 is on its way"
    await delete(templates, "anew")
    await create(templates, "anew")
    assert await publish(templates, "anew") == 4


async def test_deleting_what_was_never_published_keeps_the_count(
    templates: TemplateServiceAsyncStub,
) -> None:
    await create(templates, "twice")
    await publish(templates, "twice")
    for _ in range(2):
        await delete(templates, "twice")
        await create(templates, "twice")
    assert await publish(templates, "twice") == 2


async def test_an_etag_of_a_deleted_template_is_old(templates: TemplateServiceAsyncStub) -> None:
    created = await create(templates, "etag")
    changed = await update(templates, "etag", "x", created.etag)
    refused = await refusal(delete(templates, "etag", created.etag))
    assert refused.code is grpc.StatusCode.ABORTED
    assert (refused.reason, refused.metadata) == ("ETAG_MISMATCH", {"etag": changed.etag})
    await delete(templates, "etag", changed.etag)
    anew = await create(templates, "etag")
    assert anew.etag not in {created.etag, changed.etag}
    assert (await refusal(delete(templates, "etag", changed.etag))).reason == "ETAG_MISMATCH"


async def test_of_deletions_at_once_one_deletes(templates: TemplateServiceAsyncStub) -> None:
    await create(templates, "rush")
    results = await asyncio.gather(
        *(delete(templates, "rush") for _ in range(5)), return_exceptions=True
    )
    assert results.count(None) == 1


async def test_of_creations_at_once_of_a_deleted_name_one_creates(
    templates: TemplateServiceAsyncStub,
) -> None:
    await create(templates, "race")
    await delete(templates, "race")
    results = await asyncio.gather(
        *(create(templates, "race", order_shipped(f"by {n}")) for n in range(5)),
        return_exceptions=True,
    )
    (winner,) = [result for result in results if isinstance(result, Template)]
    assert await get(templates, "race") == winner


async def test_a_template_of_another_tenant_is_not_deleted(
    templates: TemplateServiceAsyncStub,
) -> None:
    created = await create(templates, "foreign")
    call = templates.DeleteTemplate(DeleteTemplateRequest(name="foreign"), metadata=STRANGER)
    assert (await refusal(call)).reason == "TEMPLATE_NOT_FOUND"
    listing = ListTemplateVersionsRequest(name="foreign")
    refused = await refusal(templates.ListTemplateVersions(listing, metadata=STRANGER))
    assert refused.reason == "TEMPLATE_NOT_FOUND"
    assert await get(templates, "foreign") == created
