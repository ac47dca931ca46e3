"""`tidings templates`: what notifications say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from google.protobuf.struct_pb2 import Struct

from cli.command import command
from cli.errors import Misused
from cli.names import CHANNELS
from cli.output import Output
from cli.paging import LimitOption, PageTokenOption, read_pages
from cli.publishing import Published, publish
from cli.session import Session
from cli.template_folder import find_template_folders, read_template_folder
from cli.times import show_time
from cli.variables import parse_variables
from tidings.common.v1.channel_pb2 import Channel
from tidings.template.v1.content_pb2 import RenderedContent
from tidings.template.v1.template_service_pb2 import (
    GetTemplateRequest,
    ListTemplatesRequest,
    ListTemplatesResponse,
    PreviewTemplateRequest,
    Template,
    TemplateContent,
)
from tidings.template.v1.template_service_pb2_grpc import TemplateServiceStub

app = typer.Typer(help="What notifications say.", no_args_is_help=True, add_completion=False)
Name = Annotated[str, typer.Argument(metavar="NAME")]
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


@command(app, "get")
async def get(session: Session, name: Name, version: VersionOption = 0) -> None:
    """Show a template: its variables and its sources."""
    stub = TemplateServiceStub(session.channel)
    request = GetTemplateRequest(name=name, version=version)
    response = await session.ask(stub.GetTemplate, request)
    session.output.answer(response, lambda: _show(session.output, response.template, version))


@command(app, "list")
async def list_templates(
    session: Session, limit: LimitOption = 100, page_token: PageTokenOption = ""
) -> None:
    """List templates by name."""
    stub = TemplateServiceStub(session.channel)

    async def ask(size: int, token: str) -> ListTemplatesResponse:
        return await session.ask(
            stub.ListTemplates, ListTemplatesRequest(page_size=size, page_token=token)
        )

    page = await read_pages(ask, limit=limit, page_token=page_token)
    session.output.answer(page, lambda: _show_list(session.output, page))


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
    session.output.answer(response, lambda: _show_content(session.output, response.content))


def _show_published(output: Output, published: list[Published]) -> None:
    for each in published:
        state = "published" if each.changed else "unchanged"
        output.line(f"{each.name} version {each.version} {state}")


def _show(output: Output, template: Template, version: int) -> None:
    shown = f"version {version}" if version else "draft"
    latest = (
        f"newest version {template.latest_version}" if template.latest_version else "unpublished"
    )
    output.line(f"{template.name}  {shown} ({latest})", "bold")
    output.line(f"changed {show_time(template.update_time)}", "dim")
    if template.content.variables:
        output.line()
        output.columns(
            [
                (
                    variable.name,
                    "optional" if variable.optional else "required",
                    variable.description,
                )
                for variable in template.content.variables
            ],
            header=("VARIABLE", "", "HOLDS"),
        )
    for title, source in _sources(template.content):
        output.line()
        output.line(title, "bold")
        output.line(source.rstrip("\n"))


def _sources(content: TemplateContent) -> Iterator[tuple[str, str]]:
    """Gives each text under the name that its file has."""
    if content.HasField("email"):
        yield "email/subject.txt", content.email.subject
        yield "email/body.txt", content.email.text
        if content.email.html:
            yield "email/body.html", content.email.html
    if content.HasField("in_app"):
        yield "in_app/title.txt", content.in_app.title
        if content.in_app.body:
            yield "in_app/body.txt", content.in_app.body
        if content.in_app.action_url:
            yield "in_app/action_url.txt", content.in_app.action_url


def _show_list(output: Output, page: ListTemplatesResponse) -> None:
    output.columns(
        [
            (template.name, str(template.latest_version or "-"), show_time(template.update_time))
            for template in page.templates
        ],
        header=("TEMPLATE", "VERSION", "CHANGED"),
    )
    output.more(page.next_page_token)


def _show_content(output: Output, content: RenderedContent) -> None:
    if content.HasField("email"):
        output.line(f"Subject: {content.email.subject}", "bold")
        output.line()
        output.line(content.email.text.rstrip("\n"))
        if content.email.html:
            output.line()
            output.line("HTML", "bold")
            output.line(content.email.html.rstrip("\n"))
    elif content.HasField("in_app"):
        output.line(content.in_app.title, "bold")
        for text in (content.in_app.body, content.in_app.action_url):
            if text:
                output.line(text)
