"""Sources of templates and their results on the wire, and in the database, which keeps the wire's bytes."""

from __future__ import annotations

from services.template.domain.models import Channel, Content, Variable
from services.template.domain.rendering import Rendered
from tidings.template.v1 import content_pb2
from tidings.template.v1 import template_service_pb2 as pb


def content_from_proto(message: pb.TemplateContent) -> Content:
    """Reads sources; a channel that is not set has none."""
    sources = {}
    if message.HasField("email"):
        email = message.email
        sources[Channel.EMAIL] = {"subject": email.subject, "text": email.text, "html": email.html}
    if message.HasField("in_app"):
        in_app = message.in_app
        sources[Channel.IN_APP] = {
            "title": in_app.title,
            "body": in_app.body,
            "action_url": in_app.action_url,
        }
    if message.HasField("webhook"):
        sources[Channel.WEBHOOK] = {"data": message.webhook.data}
    return Content(
        variables=tuple(_variable_from_proto(variable) for variable in message.variables),
        sources=sources,
    )


def content_to_proto(content: Content) -> pb.TemplateContent:
    """Writes sources."""
    message = pb.TemplateContent(
        variables=[variable_to_proto(variable) for variable in content.variables]
    )
    if Channel.EMAIL in content.sources:
        message.email.CopyFrom(pb.EmailSource(**content.sources[Channel.EMAIL]))
    if Channel.IN_APP in content.sources:
        message.in_app.CopyFrom(pb.InAppSource(**content.sources[Channel.IN_APP]))
    if Channel.WEBHOOK in content.sources:
        message.webhook.CopyFrom(pb.WebhookSource(**content.sources[Channel.WEBHOOK]))
    return message


def content_from_bytes(data: bytes) -> Content:
    """Reads stored sources."""
    return content_from_proto(pb.TemplateContent.FromString(data))


def content_to_bytes(content: Content) -> bytes:
    """Writes sources for storing."""
    return content_to_proto(content).SerializeToString(deterministic=True)


def rendered_to_proto(rendered: Rendered) -> content_pb2.RenderedContent:
    """Writes what was rendered."""
    message = content_pb2.RenderedContent()
    fill_rendered(message, rendered)
    return message


def fill_rendered(message: content_pb2.RenderedContent, rendered: Rendered) -> None:
    """Writes what was rendered into an empty message."""
    content = getattr(message, rendered.channel.value)
    # Set, even if all its texts are empty.
    content.SetInParent()
    for name, text in rendered.texts.items():
        if text:
            setattr(content, name, text)


def variable_to_proto(variable: Variable) -> pb.TemplateVariable:
    """Writes a declaration."""
    return pb.TemplateVariable(
        name=variable.name, description=variable.description, optional=variable.optional
    )


def _variable_from_proto(message: pb.TemplateVariable) -> Variable:
    return Variable(name=message.name, description=message.description, optional=message.optional)
