"""Batches for ingestion and dispatch on the wire."""

from __future__ import annotations

from services.template.domain.models import Description, VersionKey
from services.template.domain.rendering import Failure, Rendered, RenderTask
from services.template.wire.channel import CHANNEL_FROM_PROTO, CHANNEL_TO_PROTO
from services.template.wire.content import rendered_to_proto, variable_to_proto
from services.template.wire.variables import variables_from_bytes
from tidings.internal.template.v1 import rendering_service_pb2 as pb


def key_from_proto(message: pb.TemplateReference) -> VersionKey:
    """Reads which version is meant."""
    return VersionKey(tenant_id=message.tenant_id, name=message.name, version=message.version)


def task_from_proto(message: pb.RenderTask) -> RenderTask:
    """Reads a task; what in it cannot be read is None, so that only this task fails."""
    return RenderTask(
        key=key_from_proto(message.template),
        channel=CHANNEL_FROM_PROTO.get(message.channel),
        variables=variables_from_bytes(message.variables),
    )


def result_to_proto(result: Rendered | Failure) -> pb.RenderResult:
    """Writes what came of a task."""
    if isinstance(result, Failure):
        return pb.RenderResult(failure=pb.RenderFailure(message=result.sentence))
    return pb.RenderResult(content=rendered_to_proto(result))


def description_to_proto(description: Description) -> pb.TemplateDescription:
    """Writes what a send needs to know of a version."""
    message = pb.TemplateDescription(name_known=description.name_known, version=description.version)
    if description.content is not None:
        message.channels.extend(CHANNEL_TO_PROTO[name] for name in description.content.sources)
        message.variables.extend(map(variable_to_proto, description.content.variables))
    return message
