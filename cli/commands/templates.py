"""`tidings templates`: what notifications say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.struct_pb2 import Struct

from cli.changing import EtagOption, RequestIdOption, parse_choice
from cli.command import command
from cli.errors import Misused
from cli.names import CHANNELS
from cli.output import Output
from cli.paging import AllOption, LimitOption, PageTokenOption, read_list
from cli.publishing import Published, publish
from cli.session import Session
from cli.template_display import show_content, show_list, show_template, show_versions
from cli.template_folder import find_template_folders, read_template_folder
from cli.variables import parse_variables
from tidings.common.v1.channel_pb2 import Channel
from tidings.template.v1.template_service_pb2 import (
    CreateTemplateRequest,
    DeleteTemplateRequest,
    GetTemplateRequest,
    ListTemplatesRequest,
    ListTemplatesResponse,
    ListTemplateVersionsRequest,
    ListTemplateVersionsResponse,
    PreviewTemplateRequest,
    PublishTemplateRequest,
    Template,
    TemplateContent,
    UpdateTemplateRequest,
)
from tidings.template.v1.template_service_pb2_grpc import TemplateServiceStub

app = typer.Typer(help="What notifications say.", no_args_is_help=True, add_completion=False)
Name = Annotated[str, typer.Argument(metavar="NAME")]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A template's folder.")]
_PARTS = tuple(TemplateContent.DESCRIPTOR.fields_by_name)
VersionOption = Annotated[
    int, typer.Option(min=0, show_default="the draft", help="A published version.")
]


@command(app, "put")
async def put(
    session: Session,
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="A template's folder, or a folder of such.")
    ],
) -> None:
    """Store templates from folders and publish them.

    A template is a folder with template.toml and a folder for each channel it is for:

    email: subject.txt and body.txt are mandatory, body.html is optional.

    in_app: title.txt is mandatory, body.txt and action_url.txt are optional.

    webhook: data.json, which renders to one JSON value; write values as {{ order | tojson }}.

    template.toml may be empty. It may give a name (else the folder's), and it declares each
    variable that the texts use in a table \\[variables]: order = "Order number" for one that every
    send must give, note = {description = "A note", optional = true} for one that it may leave out.
    """
    folders = [read_template_folder(folder) for folder in find_template_folders(directory)]
    names = [folder.name for folder in folders]
    for name in names:
        if names.count(name) > 1:
            raise Misused(f"{directory} holds the template {name} twice")
    published = [await publish(session, folder) for folder in folders]
    document = {
        "templates": [
            {"name": each.name, "version": each.version, "changed": each.changed}
            for each in published
        ]
    }
    session.output.answer(document, lambda: _show_published(session.output, published))


@command(app, "create")
async def create(session: Session, directory: Folder, request_id: RequestIdOption = "") -> None:
    """Store a new template from its folder as a draft; `put` describes the folder."""
    folder = read_template_folder(directory)
    stub = TemplateServiceStub(session.channel)
    request = CreateTemplateRequest(name=folder.name, content=folder.content, request_id=request_id)
    response = await session.ask(stub.CreateTemplate, request)
    session.output.answer(response, lambda: _show_stored(session.output, response.template))


@command(app, "update")
async def update(
    session: Session,
    directory: Folder,
    part: Annotated[
        list[str] | None,
        typer.Option(
            parser=parse_choice(_PARTS),
            metavar="|".join(_PARTS),
            show_default="all",
            help="What to take from the folder; repeat it. What the folder lacks is removed.",
        ),
    ] = None,
    etag: EtagOption = "",
    request_id: RequestIdOption = "",
) -> None:
    """Change a draft to what its folder says; published versions stay."""
    folder = read_template_folder(directory)
    stub = TemplateServiceStub(session.channel)
    request = UpdateTemplateRequest(
        name=folder.name,
        content=folder.content,
        update_mask=FieldMask(paths=part or []),
        etag=etag,
        request_id=request_id,
    )
    response = await session.ask(stub.UpdateTemplate, request)
    session.output.answer(response, lambda: _show_stored(session.output, response.template))


@command(app, "publish")
async def publish_draft(
    session: Session, name: Name, etag: EtagOption = "", request_id: RequestIdOption = ""
) -> None:
    """Make the draft the next version, unless the newest one says the same."""
    stub = TemplateServiceStub(session.channel)
    request = PublishTemplateRequest(name=name, etag=etag, request_id=request_id)
    response = await session.ask(stub.PublishTemplate, request)
    session.output.answer(
        response, lambda: session.output.line(f"{name} version {response.version} published")
    )


@command(app, "delete")
async def delete(
    session: Session, name: Name, etag: EtagOption = "", request_id: RequestIdOption = ""
) -> None:
    """Delete a template; what was accepted with it is still delivered."""
    stub = TemplateServiceStub(session.channel)
    request = DeleteTemplateRequest(name=name, etag=etag, request_id=request_id)
    response = await session.ask(stub.DeleteTemplate, request)
    session.output.answer(response, lambda: session.output.line(f"template {name} deleted"))


@command(app, "get")
async def get(session: Session, name: Name, version: VersionOption = 0) -> None:
    """Show a template: its variables and its sources."""
    stub = TemplateServiceStub(session.channel)
    request = GetTemplateRequest(name=name, version=version)
    response = await session.ask(stub.GetTemplate, request)
    session.output.answer(
        response, lambda: show_template(session.output, response.template, version)
    )


@command(app, "list")
async def list_templates(
    session: Session,
    prefix: Annotated[str, typer.Option(help="Only names that begin so.")] = "",
    published: Annotated[
        bool, typer.Option("--published", metavar="", help="Only those with a version.")
    ] = False,
    limit: LimitOption = 100,
    page_token: PageTokenOption = "",
    everything: AllOption = False,
) -> None:
    """List templates by name."""
    stub = TemplateServiceStub(session.channel)

    async def ask(size: int, token: str) -> ListTemplatesResponse:
        request = ListTemplatesRequest(
            page_size=size, page_token=token, name_prefix=prefix, published_only=published
        )
        return await session.ask(stub.ListTemplates, request)

    page = await read_list(
        session.output,
        ask,
        lambda page: len(page.templates),
        limit=limit,
        page_token=page_token,
        everything=everything,
    )
    session.output.answer(page, lambda: show_list(session.output, page))


@command(app, "versions")
async def versions(
    session: Session,
    name: Name,
    limit: LimitOption = 100,
    page_token: PageTokenOption = "",
    everything: AllOption = False,
) -> None:
    """List the published versions of a template, newest first."""
    stub = TemplateServiceStub(session.channel)

    async def ask(size: int, token: str) -> ListTemplateVersionsResponse:
        request = ListTemplateVersionsRequest(name=name, page_size=size, page_token=token)
        return await session.ask(stub.ListTemplateVersions, request)

    page = await read_list(
        session.output,
        ask,
        lambda page: len(page.versions),
        limit=limit,
        page_token=page_token,
        everything=everything,
    )
    session.output.answer(page, lambda: show_versions(session.output, page))


@command(app, "preview")
async def preview(
    session: Session,
    name: Name,
    channel: Annotated[
        Channel.ValueType,
        typer.Option(
            parser=CHANNELS.parse, metavar=CHANNELS.metavar, help="Channel to render for."
        ),
    ],
    version: VersionOption = 0,
    var: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A variable, as in `tidings send`."),
    ] = None,
    string: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A variable that is text whatever it looks like."),
    ] = None,
) -> None:
    """Render a template with given variables, and send nothing."""
    variables = Struct()
    variables.update(parse_variables(var or [], string or []))
    request = PreviewTemplateRequest(
        name=name, version=version, channel=channel, variables=variables
    )
    stub = TemplateServiceStub(session.channel)
    response = await session.ask(stub.PreviewTemplate, request)
    session.output.answer(response, lambda: show_content(session.output, response.content))


def _show_published(output: Output, published: list[Published]) -> None:
    for each in published:
        state = "published" if each.changed else "unchanged"
        output.line(f"{each.name} version {each.version} {state}")


def _show_stored(output: Output, template: Template) -> None:
    output.line(f"draft of {template.name} stored, etag {template.etag}")
