"""What ingestion and dispatch ask, over real gRPC and PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import grpc
import pytest

from tests.integration.hosting import Hosted
from tests.integration.template.messages import (
    ORDER,
    SENT,
    STRANGER,
    TENANT,
    order_shipped,
    variables,
)
from tests.support.refusals import refusal
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL, CHANNEL_IN_APP, Channel
from tidings.internal.template.v1.rendering_service_pb2 import (
    DescribeTemplatesRequest,
    RenderBatchRequest,
    RenderResult,
    RenderTask,
    TemplateDescription,
    TemplateReference,
)
from tidings.template.v1.template_service_pb2 import (
    CreateTemplateRequest,
    InAppSource,
    PublishTemplateRequest,
    TemplateContent,
    UpdateTemplateRequest,
)
from tidings.template.v1.template_service_pb2_grpc import TemplateServiceStub

if TYPE_CHECKING:
    from tidings.internal.template.v1.rendering_service_pb2_grpc import RenderingServiceAsyncStub

NAME = "order-shipped"


@pytest.fixture(scope="module", autouse=True)
async def stored(running: Hosted) -> None:
    """Two versions in one tenant, one of the same name in another, and a draft alone."""
    templates = TemplateServiceStub(running.public)
    greeting = TemplateContent(in_app=InAppSource(title="Hi from a stranger"))
    for metadata, name, content in (
        (TENANT, NAME, order_shipped()),
        (STRANGER, NAME, greeting),
        (TENANT, "draft", greeting),
    ):
        request = CreateTemplateRequest(name=name, content=content)
        await templates.CreateTemplate(request, metadata=metadata)
    for metadata in (TENANT, STRANGER):
        await templates.PublishTemplate(PublishTemplateRequest(name=NAME), metadata=metadata)
    update = UpdateTemplateRequest(name=NAME, content=order_shipped("Second {{ order.id }}"))
    await templates.UpdateTemplate(update, metadata=TENANT)
    await templates.PublishTemplate(PublishTemplateRequest(name=NAME), metadata=TENANT)


def reference(name: str = NAME, version: int = 0, tenant_id: str = "acme") -> TemplateReference:
    return TemplateReference(tenant_id=tenant_id, name=name, version=version)


async def describe(
    rendering: RenderingServiceAsyncStub, *references: TemplateReference
) -> list[TemplateDescription]:
    answer = await rendering.DescribeTemplates(DescribeTemplatesRequest(templates=references))
    return list(answer.descriptions)


def render_task(
    version: int,
    *,
    name: str = NAME,
    tenant_id: str = "acme",
    channel: Channel.ValueType = CHANNEL_IN_APP,
    sent: bytes | None = None,
) -> RenderTask:
    return RenderTask(
        template=reference(name, version, tenant_id),
        channel=channel,
        variables=SENT.SerializeToString() if sent is None else sent,
    )


async def render(rendering: RenderingServiceAsyncStub, *tasks: RenderTask) -> list[RenderResult]:
    return list((await rendering.RenderBatch(RenderBatchRequest(tasks=tasks))).results)


async def test_versions_are_described_in_order(rendering: RenderingServiceAsyncStub) -> None:
    found = await describe(
        rendering,
        reference(version=1),
        reference(),
        reference(version=3),
        reference("draft"),
        reference("absent"),
        reference(tenant_id="stranger"),
        reference(tenant_id="nobody"),
        reference(),
    )
    assert [(d.name_known, d.version) for d in found] == [
        (True, 1),
        (True, 2),
        (True, 0),
        (True, 0),
        (False, 0),
        (True, 1),
        (False, 0),
        (True, 2),
    ]
    assert list(found[1].channels) == [CHANNEL_EMAIL, CHANNEL_IN_APP]
    assert list(found[1].variables) == list(order_shipped().variables)
    assert (list(found[5].channels), list(found[5].variables)) == ([CHANNEL_IN_APP], [])
    for unpublished in (found[2], found[3], found[4]):
        assert (list(unpublished.channels), list(unpublished.variables)) == ([], [])


async def test_an_empty_batch_is_answered(rendering: RenderingServiceAsyncStub) -> None:
    assert await describe(rendering) == []
    assert await render(rendering) == []


async def test_a_batch_renders_in_order_across_tenants(
    rendering: RenderingServiceAsyncStub,
) -> None:
    results = await render(
        rendering,
        render_task(2),
        render_task(1, tenant_id="stranger", sent=b""),
        render_task(1),
        render_task(1, channel=CHANNEL_EMAIL),
        render_task(2),
    )
    assert [result.content.in_app.title or result.content.email.subject for result in results] == [
        "Second 42",
        "Hi from a stranger",
        "Order 42 is on its way",
        "Order 42",
        "Second 42",
    ]


async def test_each_task_fails_by_itself(rendering: RenderingServiceAsyncStub) -> None:
    no_lines = variables(order={"id": "hunter2"}, tracking_url="https://example.com/")
    bad_link = variables(order=ORDER, tracking_url="javascript:hunter2")
    missing = variables(order="hunter2")
    results = await render(
        rendering,
        render_task(1),
        render_task(1, channel=CHANNEL_EMAIL, sent=no_lines.SerializeToString()),
        render_task(1, sent=bad_link.SerializeToString()),
        render_task(1, sent=missing.SerializeToString()),
        render_task(1, sent=b"\xff"),
        render_task(7),
        render_task(0),
        render_task(1, name="absent"),
        render_task(1, tenant_id="stranger", channel=CHANNEL_EMAIL),
        render_task(1, channel=99),  # type: ignore[arg-type]  # of a release to come
        render_task(1),
    )
    assert [result.failure.message for result in results] == [
        "",
        ("order-shipped v1 does not render: content.email.text: line 1: `lines` is undefined"),
        (
            "order-shipped v1 does not render: content.in_app.action_url:"
            " must render to an absolute http or https URL, or to nothing"
        ),
        "order-shipped v1 needs `tracking_url`; you sent `order`",
        "the variables are not a google.protobuf.Struct",
        "order-shipped v7 is not published",
        "the draft of order-shipped is not published",
        "absent v1 is not published",
        "order-shipped v1 has no content for email; it has in_app",
        "order-shipped v1 has no content for this channel; it has email, in_app",
        "",
    ]
    assert [result.WhichOneof("result") == "content" for result in results] == [
        not result.failure.message for result in results
    ]


async def test_what_a_send_adds_is_left_aside(rendering: RenderingServiceAsyncStub) -> None:
    more = variables(order=ORDER, tracking_url="https://example.com/42", other=1)
    (result,) = await render(rendering, render_task(1, sent=more.SerializeToString()))
    assert result.content.in_app.title == "Order 42 is on its way"


async def test_a_version_once_rendered_needs_no_database(
    rendering: RenderingServiceAsyncStub, database_url: str
) -> None:
    await render(rendering, render_task(1))
    connection = await asyncpg.connect(database_url)
    async with connection.transaction():
        await connection.execute("LOCK TABLE template.versions IN ACCESS EXCLUSIVE MODE")
        request = RenderBatchRequest(tasks=[render_task(1)])
        (result,) = (await rendering.RenderBatch(request, timeout=5)).results
    await connection.close()
    assert result.content.in_app.title == "Order 42 is on its way"


async def test_a_full_batch_is_answered(rendering: RenderingServiceAsyncStub) -> None:
    assert len(await render(rendering, *[render_task(1)] * 500)) == 500
    assert len(await describe(rendering, *[reference()] * 500)) == 500


async def test_more_than_a_full_batch_is_refused(rendering: RenderingServiceAsyncStub) -> None:
    calls = {
        "tasks": render(rendering, *[render_task(1)] * 501),
        "templates": describe(rendering, *[reference()] * 501),
    }
    for field, call in calls.items():
        refused = await refusal(call)
        assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
        assert (refused.reason, set(refused.violations)) == ("INVALID_FIELD", {field})
