"""Renders a batch for dispatch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.template.clients.renderer import Renderer
from services.template.domain.rendering import (
    Failure,
    RenderRequest,
    RenderTask,
    Result,
    prepare,
)
from services.template.usecases.load_versions import LoadVersions

PATIENCE = 300_000
"""Steps of hard work, of whoever, that a batch waits for: three renderings of the hardest kind."""


@dataclass(frozen=True, slots=True)
class RenderBatch:
    """Renders tasks that may span tenants; each succeeds, fails or is postponed by itself."""

    load_versions: LoadVersions
    renderer: Renderer

    async def __call__(self, tasks: Sequence[RenderTask]) -> list[Result]:
        """Returns the results in the order of the tasks."""
        contents = await self.load_versions({task.key for task in tasks})
        prepared = [prepare(task, contents.get(task.key)) for task in tasks]
        requests = [entry for entry in prepared if isinstance(entry, RenderRequest)]
        results = iter(await self.renderer.render(requests, patience=PATIENCE))
        return [entry if isinstance(entry, Failure) else next(results) for entry in prepared]
