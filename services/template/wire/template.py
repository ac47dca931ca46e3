"""Templates on the wire."""

from __future__ import annotations

from services.template.domain.models import Template
from services.template.wire.content import content_to_proto
from tidings.template.v1 import template_service_pb2 as pb


def template_to_proto(template: Template) -> pb.Template:
    """Writes a template with the sources it carries."""
    message = pb.Template(
        name=template.name, latest_version=template.latest_version, etag=template.etag
    )
    if template.content.sources:
        message.content.CopyFrom(content_to_proto(template.content))
    message.create_time.FromDatetime(template.create_time)
    message.update_time.FromDatetime(template.update_time)
    return message
