"""Previews over real gRPC and PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct

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
from tidings.template.v1.content_pb2 import EmailContent, InAppContent, RenderedContent
from tidings.template.v1.template_service_pb2 import (
    CreateTemplateRequest,
    InAppSource,
    PreviewTemplateRequest,
    PublishTemplateRequest,
    TemplateContent,
    TemplateVariable,
    UpdateTemplateRequest,
)
from tidings.template.v1.template_service_pb2_grpc import TemplateServiceStub

if TYPE_CHECKING:
    from tidings.template.v1.template_service_pb2_grpc import TemplateServiceAsyncStub

NAME = "order-shipped"


@pytest.fixture(scope="module", autouse=True)
async def stored(running: Hosted) -> None:
    """Version 1, and a draft with another title; a template for the inbox alone."""
    templates = TemplateServiceStub(running.public)
    content = order_shipped()
    await templates.CreateTemplate(
        CreateTemplateRequest(name=NAME, content=content), metadata=TENANT
    )
    await templates.PublishTemplate(PublishTemplateRequest(name=NAME), metadata=TENANT)
    await templates.UpdateTemplate(
        UpdateTemplateRequest(name=NAME, content=order_shipped("New: {{ order.id }}")),
        metadata=TENANT,
    )
    ratio = TemplateContent(
        variables=[TemplateVariable(name="x"), TemplateVariable(name="link", optional=True)],
        in_app=InAppSource(title="{{ 6 // x }}", action_url="{{ link }}"),
    )
    await templates.CreateTemplate(
        CreateTemplateRequest(name="ratio", content=ratio), metadata=TENANT
    )


async def preview(
    templates: TemplateServiceAsyncStub,
    sent: Struct,
    *,
    name: str = NAME,
    version: int = 0,
    channel: Channel.ValueType = CHANNEL_IN_APP,
) -> RenderedContent:
    request = PreviewTemplateRequest(name=name, version=version, channel=channel, variables=sent)
    return (await templates.PreviewTemplate(request, metadata=TENANT)).content


async def test_a_mail_is_previewed(templates: TemplateServiceAsyncStub) -> None:
    assert await preview(templates, SENT, version=1, channel=CHANNEL_EMAIL) == RenderedContent(
        email=EmailContent(
            subject="Order 42",
            text="Tea & Pot\n",
            html="<a href='https://example.com/42'>Tea &amp; Pot</a>",
        )
    )


@pytest.mark.parametrize(("version", "title"), [(1, "Order 42 is on its way"), (0, "New: 42")])
async def test_versions_and_the_draft_are_previewed(
    templates: TemplateServiceAsyncStub, version: int, title: str
) -> None:
    assert await preview(templates, SENT, version=version) == RenderedContent(
        in_app=InAppContent(title=title, body="-", action_url="https://example.com/42")
    )


@pytest.mark.parametrize(
    ("version", "sent", "message", "missing", "unknown"),
    [
        (
            1,
            variables(order=ORDER, note="n"),
            "order-shipped v1 needs `tracking_url`; you sent `order`, `note`",
            "tracking_url",
            "",
        ),
        (
            0,
            Struct(),
            "the draft of order-shipped needs `order`, `tracking_url`; you sent none",
            "order,tracking_url",
            "",
        ),
        (
            1,
            variables(order=ORDER, tracking_url="u", trackingUrl="u"),
            "order-shipped v1 has no variable `trackingUrl`; it takes `order`, `tracking_url`, `note`",
            "",
            "trackingUrl",
        ),
    ],
)
async def test_variables_that_do_not_match_are_told(
    templates: TemplateServiceAsyncStub,
    version: int,
    sent: Struct,
    message: str,
    missing: str,
    unknown: str,
) -> None:
    refused = await refusal(preview(templates, sent, version=version))
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.reason == "TEMPLATE_VARIABLES_MISMATCH"
    assert refused.message == message
    assert refused.metadata == {
        "template": NAME,
        "version": str(version),
        "missing": missing,
        "unknown": unknown,
    }
    named = [name for name in (*missing.split(","), *unknown.split(",")) if name]
    assert set(refused.violations) == {f"variables.{name}" for name in named}


async def test_names_of_any_length_and_number_are_told_shortly(
    templates: TemplateServiceAsyncStub,
) -> None:
    sent = variables(**{letter * 20_000: 1 for letter in "abcdefghijklmnopqrstuvwxyz"})
    refused = await refusal(preview(templates, sent))
    assert refused.reason == "TEMPLATE_VARIABLES_MISMATCH"
    assert len(refused.violations) == 15
    assert max(map(len, refused.violations)) < 100


async def test_what_does_not_render_is_told_without_values(
    templates: TemplateServiceAsyncStub,
) -> None:
    refused = await refusal(preview(templates, variables(x="hunter2"), name="ratio"))
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.reason == "TEMPLATE_RENDER_FAILED"
    assert refused.metadata == {"template": "ratio", "version": "0"}
    assert refused.message == (
        "the draft of ratio does not render: content.in_app.title:"
        " line 1: a value is of a kind that does not fit there"
    )


async def test_a_link_that_runs_code_does_not_render(templates: TemplateServiceAsyncStub) -> None:
    refused = await refusal(
        preview(templates, variables(x=1, link="javascript:alert(1)"), name="ratio")
    )
    assert refused.reason == "TEMPLATE_RENDER_FAILED"
    assert "content.in_app.action_url" in refused.message


async def test_a_channel_that_the_template_lacks_is_told(
    templates: TemplateServiceAsyncStub,
) -> None:
    refused = await refusal(preview(templates, variables(x=1), name="ratio", channel=CHANNEL_EMAIL))
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.reason == "CHANNEL_NOT_IN_TEMPLATE"
    assert refused.metadata == {"template": "ratio", "channel": "email"}
    assert set(refused.violations) == {"channel"}


async def test_what_is_not_there_is_not_previewed(templates: TemplateServiceAsyncStub) -> None:
    assert (await refusal(preview(templates, SENT, name="absent"))).reason == "TEMPLATE_NOT_FOUND"
    assert (await refusal(preview(templates, SENT, version=9))).reason == "TEMPLATE_NOT_PUBLISHED"
    request = PreviewTemplateRequest(name=NAME, channel=CHANNEL_EMAIL, variables=SENT)
    refused = await refusal(templates.PreviewTemplate(request, metadata=STRANGER))
    assert refused.reason == "TEMPLATE_NOT_FOUND"
