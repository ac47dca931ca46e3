"""Renders a batch for dispatch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.template.clients.renderer import Renderer
from services.template.domain.errors import BatchTooLarge
from services.template.domain.rendering import (
    Failure,
    Rendered,
    RenderRequest,
    RenderTask,
    prepare,
)
from services.template.usecases.load_versions import LoadVersions

MAX_TASKS = 500


@dataclass(frozen=True, slots=True)
class RenderBatch:
    """Renders tasks that may span tenants; each fails or succeeds by itself."""

    load_versions: LoadVersions
    renderer: Renderer

    async def __call__(self, tasks: Sequence[RenderTask]) -> list[Rendered | Failure]:
        """Returns the results in the order of the tasks; raises BatchTooLarge."""
        if len(tasks) > MAX_TASKS:
            raise BatchTooLarge("tasks", MAX_TASKS)
        contents = await self.load_versions({task.key for task in tasks})
        prepared = [prepare(task, contents.get(task.key)) for task in tasks]
        requests = [entry for entry in prepared if isinstance(entry, RenderRequest)]
        results = iter(await self.renderer.render(requests))
        return [entry if isinstance(entry, Failure) else next(results) for entry in prepared]
