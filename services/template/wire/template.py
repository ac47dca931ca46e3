"""Templates on the wire."""

from __future__ import annotations

from collections.abc import Collection

from libs.rpc.masks import masked
from services.template.domain.drafts import DRAFT_PATHS
from services.template.domain.models import DraftChange, Template, Version
from services.template.wire.channel import CHANNEL_TO_PROTO
from services.template.wire.content import content_from_proto, content_to_proto
from tidings.template.v1 import template_service_pb2 as pb


def change_from_proto(message: pb.UpdateTemplateRequest) -> DraftChange:
    """Reads what becomes of a draft; raises InvalidFields for a path that a draft does not have."""
    paths: Collection[str] = DRAFT_PATHS
    if message.update_mask.paths:
        paths = masked(message.update_mask, message.content, changeable=DRAFT_PATHS)
    return DraftChange(
        name=message.name,
        content=content_from_proto(message.content),
        paths=paths,
        etag=message.etag,
    )


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


def version_to_proto(version: Version) -> pb.TemplateVersion:
    """Writes a version without its sources."""
    message = pb.TemplateVersion(
        version=version.version, channels=[CHANNEL_TO_PROTO[name] for name in version.channels]
    )
    message.publish_time.FromDatetime(version.publish_time)
    return message
