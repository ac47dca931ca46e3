"""Templates as people read them."""

from __future__ import annotations

from collections.abc import Iterator

from cli.names import CHANNELS
from cli.output import Output
from cli.times import show_time
from tidings.template.v1.content_pb2 import RenderedContent
from tidings.template.v1.template_service_pb2 import (
    ListTemplatesResponse,
    ListTemplateVersionsResponse,
    Template,
    TemplateContent,
)


def show_template(output: Output, template: Template, version: int) -> None:
    """Shows the draft, or a version, with its sources."""
    shown = f"version {version}" if version else "draft"
    latest = (
        f"newest version {template.latest_version}" if template.latest_version else "unpublished"
    )
    output.line(f"{template.name}  {shown} ({latest})", "bold")
    output.line(f"changed {show_time(template.update_time)}, etag {template.etag}", "dim")
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
    if content.HasField("webhook"):
        yield "webhook/data.json", content.webhook.data


def show_list(output: Output, page: ListTemplatesResponse) -> None:
    """Shows a list of templates."""
    output.columns(
        [
            (template.name, str(template.latest_version or "-"), show_time(template.update_time))
            for template in page.templates
        ],
        header=("TEMPLATE", "VERSION", "CHANGED"),
    )
    output.more(page.next_page_token)


def show_content(output: Output, content: RenderedContent) -> None:
    """Shows what was rendered."""
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
    elif content.HasField("webhook"):
        output.line(content.webhook.data)


def show_versions(output: Output, page: ListTemplateVersionsResponse) -> None:
    """Shows a list of versions."""
    output.columns(
        [
            (str(each.version), show_time(each.publish_time), CHANNELS.names(each.channels))
            for each in page.versions
        ],
        header=("VERSION", "PUBLISHED", "CHANNELS"),
    )
    output.more(page.next_page_token)
