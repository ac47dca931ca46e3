"""Content for webhooks: stored, previewed, described, rendered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from google.protobuf.struct_pb2 import Struct

from tests.integration.hosting import Hosted
from tests.integration.template.messages import TENANT, variables
from tests.support.refusals import refusal
from tidings.common.v1.channel_pb2 import CHANNEL_IN_APP, CHANNEL_WEBHOOK
from tidings.internal.template.v1.rendering_service_pb2 import (
    DescribeTemplatesRequest,
    RenderBatchRequest,
    RenderTask,
    TemplateReference,
)
from tidings.template.v1.content_pb2 import RenderedContent, WebhookContent
from tidings.template.v1.template_service_pb2 import (
    CreateTemplateRequest,
    InAppSource,
    PreviewTemplateRequest,
    PublishTemplateRequest,
    TemplateContent,
    TemplateVariable,
    WebhookSource,
)
from tidings.template.v1.template_service_pb2_grpc import TemplateServiceStub

if TYPE_CHECKING:
    from tidings.internal.template.v1.rendering_service_pb2_grpc import RenderingServiceAsyncStub
    from tidings.template.v1.template_service_pb2_grpc import TemplateServiceAsyncStub

SAFE, UNSAFE = "order-paid", "order-raw"


def content(data: str) -> TemplateContent:
    return TemplateContent(
        variables=[TemplateVariable(name="order"), TemplateVariable(name="note", optional=True)],
        webhook=WebhookSource(data=data),
    )


@pytest.fixture(scope="module", autouse=True)
async def stored(running: Hosted) -> None:
    """One template that writes JSON as it should be written, and one that does not."""
    templates = TemplateServiceStub(running.public)
    for name, data in (
        (SAFE, '{"order": {{ order|tojson }}, "note": {{ note|tojson }}}'),
        (UNSAFE, '{"note": "{{ note }}", "order": {{ order }}}'),
    ):
        request = CreateTemplateRequest(name=name, content=content(data))
        await templates.CreateTemplate(request, metadata=TENANT)
        await templates.PublishTemplate(PublishTemplateRequest(name=name), metadata=TENANT)


async def preview(templates: TemplateServiceAsyncStub, name: str, sent: Struct) -> RenderedContent:
    request = PreviewTemplateRequest(name=name, version=1, channel=CHANNEL_WEBHOOK, variables=sent)
    return (await templates.PreviewTemplate(request, metadata=TENANT)).content


async def test_values_of_every_kind_arrive_as_they_were_sent(
    templates: TemplateServiceAsyncStub,
) -> None:
    order = {"id": 42, "price": 2.5, "lines": ['"quoted" <b>\n'], "paid": True, "by": None}
    rendered = await preview(templates, SAFE, variables(order=order))
    assert json.loads(rendered.webhook.data) == {"order": order, "note": None}
    # A Struct holds floating-point numbers only; those without a fraction go out whole.
    assert '"id": 42,' in rendered.webhook.data


@pytest.mark.parametrize("note", ['", "admin": true, "x": "', "two\nlines", "hunter2\\"])
async def test_a_value_that_breaks_the_json_is_told_without_it(
    templates: TemplateServiceAsyncStub, note: str
) -> None:
    refused = await refusal(preview(templates, UNSAFE, variables(order="hunter2", note=note)))
    assert refused.reason == "TEMPLATE_RENDER_FAILED"
    assert "content.webhook.data: must render to one JSON value" in refused.message
    assert "hunter2" not in refused.message


async def test_what_is_rendered_has_a_size(templates: TemplateServiceAsyncStub) -> None:
    # {"order": "…", "note": null} has 27 characters besides.
    largest = await preview(templates, SAFE, variables(order="x" * ((16 << 10) - 27)))
    assert len(largest.webhook.data) == 16 << 10
    refused = await refusal(preview(templates, SAFE, variables(order="x" * ((16 << 10) - 26))))
    assert refused.reason == "TEMPLATE_RENDER_FAILED"
    assert "renders to more than 16384 bytes" in refused.message


@pytest.mark.parametrize(
    "data",
    [
        "{",
        "",
        "a",
        '{"a": 1} 2',
        "{'a': 1}",
        "[1,]",
        "NaN",
        "{{ [1] ~ 'x' }}",
        '{"order": {{ order|tojson }},}',
        '{"order": "{{ note }}"',
    ],
)
async def test_what_can_never_be_json_is_not_stored(
    templates: TemplateServiceAsyncStub, data: str
) -> None:
    request = CreateTemplateRequest(name="never", content=content(data))
    refused = await refusal(templates.CreateTemplate(request, metadata=TENANT))
    reason = "TEMPLATE_INVALID" if data else "INVALID_FIELD"
    assert (refused.reason, set(refused.violations)) == (reason, {"content.webhook.data"})


async def test_ingestion_and_dispatch_know_the_channel(
    rendering: RenderingServiceAsyncStub,
) -> None:
    reference = TemplateReference(tenant_id="acme", name=SAFE, version=1)
    request = DescribeTemplatesRequest(templates=[reference])
    (described,) = (await rendering.DescribeTemplates(request)).descriptions
    assert list(described.channels) == [CHANNEL_WEBHOOK]
    sent = variables(order=7, note="n").SerializeToString()
    tasks = [
        RenderTask(template=reference, channel=channel, variables=sent)
        for channel in (CHANNEL_WEBHOOK, CHANNEL_IN_APP)
    ]
    results = (await rendering.RenderBatch(RenderBatchRequest(tasks=tasks))).results
    assert results[0].content == RenderedContent(
        webhook=WebhookContent(data='{"order": 7, "note": "n"}')
    )
    assert results[1].failure.message == f"{SAFE} v1 has no content for in_app; it has webhook"


async def test_a_failure_in_a_batch_tells_no_value(rendering: RenderingServiceAsyncStub) -> None:
    task = RenderTask(
        template=TemplateReference(tenant_id="acme", name=UNSAFE, version=1),
        channel=CHANNEL_WEBHOOK,
        variables=variables(order="hunter2", note="x").SerializeToString(),
    )
    (result,) = (await rendering.RenderBatch(RenderBatchRequest(tasks=[task]))).results
    assert result.failure.message == (
        f"{UNSAFE} v1 does not render: content.webhook.data: must render to one JSON value, and what"
        " it renders to breaks off at line 1, column 24; write values with the filter tojson"
    )


async def test_a_template_may_have_all_channels(templates: TemplateServiceAsyncStub) -> None:
    whole = content("1")
    whole.in_app.CopyFrom(InAppSource(title="t"))
    request = CreateTemplateRequest(name="whole", content=whole)
    created = await templates.CreateTemplate(request, metadata=TENANT)
    assert created.template.content == whole
