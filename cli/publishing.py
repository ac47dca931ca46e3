"""Puts a template folder on the server: its draft, and the draft's next version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.errors import Refused
from cli.session import Session
from cli.template_folder import TemplateFolder
from tidings.template.v1.template_service_pb2 import (
    CreateTemplateRequest,
    PublishTemplateRequest,
    Template,
    UpdateTemplateRequest,
)
from tidings.template.v1.template_service_pb2_grpc import TemplateServiceStub

if TYPE_CHECKING:
    from tidings.template.v1.template_service_pb2_grpc import TemplateServiceAsyncStub


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What became of a folder."""

    name: str
    version: int
    changed: bool
    """False when the newest version said the same before."""


async def publish(session: Session, folder: TemplateFolder) -> Published:
    """Creates the template or replaces its draft, and publishes it; raises Refused or Unreachable."""
    stub = TemplateServiceStub(session.channel)
    draft = await _store(session, stub, folder)
    response = await session.ask(
        stub.PublishTemplate, PublishTemplateRequest(name=folder.name, etag=draft.etag)
    )
    return Published(
        name=folder.name,
        version=response.version,
        changed=response.version != draft.latest_version,
    )


async def _store(
    session: Session, stub: TemplateServiceAsyncStub, folder: TemplateFolder
) -> Template:
    try:
        created = await session.ask(
            stub.CreateTemplate, CreateTemplateRequest(name=folder.name, content=folder.content)
        )
    except Refused as error:
        if error.reason != "TEMPLATE_ALREADY_EXISTS":
            raise
    else:
        return created.template
    updated = await session.ask(
        stub.UpdateTemplate, UpdateTemplateRequest(name=folder.name, content=folder.content)
    )
    return updated.template
