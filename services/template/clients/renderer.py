"""Compiles and renders, off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import TypeVar

from services.template.clients.compilations import Compilations
from services.template.clients.compiled import RenderingFailed
from services.template.clients.json_shape import check_json_shape
from services.template.clients.syntax import SourceRefused
from services.template.domain.drafts import Inspection
from services.template.domain.models import Content
from services.template.domain.parts import PARTS, Part
from services.template.domain.rendering import Failure, Rendered, RenderRequest
from services.template.domain.text import TextRefused

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Renderer:
    """Answers the use cases; where it works is its executor's business.

    One thread is enough: rendering holds the interpreter, so more would only take turns.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._compilations = Compilations()

    async def inspect(self, content: Content) -> list[Inspection]:
        """Compiles all sources of a draft, renders those that use no variable, and looks at the shape of
        those that render to JSON."""
        return await self._ask(self._inspect_all, content)

    async def render(self, requests: Sequence[RenderRequest]) -> list[Rendered | Failure]:
        """Renders a batch in its order; one that fails does not keep the others from it."""
        return await self._ask(self._render_all, requests)

    async def _ask(self, answer: Callable[[Question], Answer], question: Question) -> Answer:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, answer, question)

    def _inspect_all(self, content: Content) -> list[Inspection]:
        return [
            self._inspect(part, sources[part.name])
            for channel, sources in content.sources.items()
            for part in PARTS[channel]
        ]

    def _inspect(self, part: Part, source: str) -> Inspection:
        try:
            # Not kept: a draft that is only stored would push out what is being sent.
            compiled = self._compilations.compile(source, part.escaped)
            if not compiled.used:
                # It renders to the same whatever is sent, so what it renders to is known now.
                part.finish(compiled.render({}, max_bytes=part.max_bytes))
            elif part.is_json:
                check_json_shape(self._compilations.read(source, part.escaped))
        except (SourceRefused, RenderingFailed, TextRefused) as refused:
            return Inspection(part=part, refusal=str(refused))
        return Inspection(part=part, used=compiled.used)

    def _render_all(self, requests: Sequence[RenderRequest]) -> list[Rendered | Failure]:
        return [self._render(request) for request in requests]

    def _render(self, request: RenderRequest) -> Rendered | Failure:
        texts = {}
        for part in PARTS[request.channel]:
            try:
                texts[part.name] = self._render_part(request, part)
            except (SourceRefused, RenderingFailed, TextRefused) as error:
                return Failure(f"{request.label} does not render: {part.path}: {error}")
        return Rendered(channel=request.channel, texts=texts)

    def _render_part(self, request: RenderRequest, part: Part) -> str:
        compiled = self._compilations.get(
            request.content.sources[request.channel][part.name], part.escaped
        )
        return part.finish(compiled.render(request.variables, max_bytes=part.max_bytes))
