"""Calls of one tenant, as its authors make them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.template.messages import TENANT, order_shipped
from tidings.template.v1.template_service_pb2 import (
    CreateTemplateRequest,
    DeleteTemplateRequest,
    GetTemplateRequest,
    PublishTemplateRequest,
    Template,
    TemplateContent,
    UpdateTemplateRequest,
)

if TYPE_CHECKING:
    from tidings.template.v1.template_service_pb2_grpc import TemplateServiceAsyncStub


async def create(
    templates: TemplateServiceAsyncStub, name: str, content: TemplateContent | None = None
) -> Template:
    request = CreateTemplateRequest(name=name, content=content or order_shipped())
    return (await templates.CreateTemplate(request, metadata=TENANT)).template


async def update(
    templates: TemplateServiceAsyncStub, name: str, title: str, etag: str = ""
) -> Template:
    request = UpdateTemplateRequest(name=name, content=order_shipped(title), etag=etag)
    return (await templates.UpdateTemplate(request, metadata=TENANT)).template


async def publish(templates: TemplateServiceAsyncStub, name: str, etag: str = "") -> int:
    request = PublishTemplateRequest(name=name, etag=etag)
    return (await templates.PublishTemplate(request, metadata=TENANT)).version


async def get(templates: TemplateServiceAsyncStub, name: str, version: int = 0) -> Template:
    request = GetTemplateRequest(name=name, version=version)
    return (await templates.GetTemplate(request, metadata=TENANT)).template


async def delete(templates: TemplateServiceAsyncStub, name: str, etag: str = "") -> None:
    await templates.DeleteTemplate(DeleteTemplateRequest(name=name, etag=etag), metadata=TENANT)
