"""Batches for ingestion and dispatch on the wire."""

from __future__ import annotations

from collections.abc import Sequence

from services.template.domain.models import Description, VersionKey
from services.template.domain.rendering import Failure, Rendered, RenderTask, Result
from services.template.wire.channel import CHANNEL_FROM_PROTO, CHANNEL_TO_PROTO
from services.template.wire.content import fill_rendered, variable_to_proto
from services.template.wire.variables import variables_from_bytes
from tidings.internal.template.v1 import rendering_service_pb2 as pb


def key_from_proto(message: pb.TemplateReference) -> VersionKey:
    """Reads which version is meant."""
    return VersionKey(message.tenant_id, message.name, message.version)


def tasks_from_proto(request: pb.RenderBatchRequest) -> tuple[list[RenderTask], list[int]]:
    """Reads the tasks, those that are alike once, and for each message the place of its task among them."""
    seen: dict[bytes, int] = {}
    tasks: list[RenderTask] = []
    places: list[int] = []
    for message in request.tasks:
        body = message.SerializeToString()
        place = seen.get(body)
        if place is None:
            place = seen[body] = len(tasks)
            tasks.append(_task_from_proto(message))
        places.append(place)
    return tasks, places


def _task_from_proto(message: pb.RenderTask) -> RenderTask:
    """Reads a task; what in it cannot be read is None, so that only this task fails."""
    return RenderTask(
        key_from_proto(message.template),
        CHANNEL_FROM_PROTO.get(message.channel),
        variables_from_bytes(message.variables),
    )


def results_to_proto(results: Sequence[Result], places: Sequence[int]) -> pb.RenderBatchResponse:
    """Writes what came of the tasks at these places."""
    response = pb.RenderBatchResponse()
    add = response.results.add
    for place in places:
        _fill_result(add(), results[place])
    return response


def _fill_result(message: pb.RenderResult, result: Result) -> None:
    # Filled in place: messages that are made apart would be copied.
    if isinstance(result, Rendered):
        fill_rendered(message.content, result)
    elif isinstance(result, Failure):
        message.failure.message = result.sentence
    else:
        message.postponed.SetInParent()


def description_to_proto(description: Description) -> pb.TemplateDescription:
    """Writes what a send needs to know of a version."""
    message = pb.TemplateDescription(name_known=description.name_known, version=description.version)
    if description.content is not None:
        message.channels.extend(CHANNEL_TO_PROTO[name] for name in description.content.sources)
        message.variables.extend(map(variable_to_proto, description.content.variables))
    return message
