"""Renders what is little work at once, and the rest tenant by tenant, off the event loop.

Most renderings take a few dozen steps. Each is tried on the loop with a small share of a budget; what
needs more begins anew in the one thread for hard work. There tenants take turns, so that however much
one of them asks for, another waits for a turn of each at most, and for none if its templates are easy.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial
from math import inf
from typing import TypeVar

from services.template.clients.budget import Budget, Share, ShareExceeded
from services.template.clients.compilations import Compilations, compiling_steps
from services.template.clients.compiled import Compiled, RenderingFailed
from services.template.clients.json_shape import check_json_shape
from services.template.clients.syntax import SourceRefused
from services.template.clients.turns import TurnMissed, Turns
from services.template.domain.drafts import Inspection
from services.template.domain.models import Content
from services.template.domain.parts import PARTS, Part
from services.template.domain.rendering import (
    POSTPONED,
    Failure,
    Postponed,
    Rendered,
    RenderRequest,
    Result,
)
from services.template.domain.text import TextRefused
from services.template.domain.variables import version_label

EASY = 2_000
"""Steps: with as many a rendering is tried, and as many a tenant has of the event loop in one turn."""
_EACH = 10
"""Steps that a rendering takes beside those of its template."""
_Refusal = (SourceRefused, RenderingFailed, TextRefused)
Source = tuple[str, bool]
Answer = TypeVar("Answer")


class Renderer:
    """Answers the use cases; where hard work is done is its executor's business.

    One thread is enough: rendering holds the interpreter, so more would only take turns.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._compilations = Compilations()
        self._easy = Turns()
        self._hard = Turns()

    async def inspect(self, tenant_id: str, content: Content) -> list[Inspection]:
        """Compiles all sources of a draft, renders those that use no variable, and looks at the shape of
        those that render to JSON."""
        inspections = []
        for channel, sources in content.sources.items():
            for part in PARTS[channel]:
                source = sources[part.name]
                async with self._hard.of(tenant_id):
                    self._hard.spent += compiling_steps(source)
                    work = partial(self._inspect, part, source)
                    inspections.append(await self._off_the_loop(work))
        return inspections

    async def render_one(self, request: RenderRequest) -> Rendered | Failure:
        """Renders for somebody who waits for it."""
        (result,) = await self.render([request])
        if isinstance(result, Postponed):
            raise AssertionError("patience without end came to an end")
        return result

    async def render(
        self, requests: Sequence[RenderRequest], *, patience: float = inf
    ) -> list[Result]:
        """Renders a batch and returns the results in its order; one that fails keeps no other from it.

        `patience`: the steps of hard work, of whoever, that the batch waits for. What has not had its turn
        then is postponed.
        """
        until = self._hard.spent + patience
        results: list[Result] = [POSTPONED] * len(requests)
        with suppress(TurnMissed):
            await self._compile_missing(requests, until)
        hard = await self._render_easy(requests, results)
        with suppress(TurnMissed):
            await self._render_hard(requests, results, hard, until)
        return results

    async def _compile_missing(self, requests: Iterable[RenderRequest], until: float) -> None:
        missing = self._missing(requests)
        while missing:
            tenant_id = self._hard.next_of(missing)
            source, escaped = missing[tenant_id].popleft()
            if not missing[tenant_id]:
                del missing[tenant_id]
            # What is refused is told when it is to be rendered.
            with suppress(SourceRefused):
                if compiling_steps(source) > EASY:
                    async with self._hard.of(tenant_id, until=until):
                        await self._compile(source, escaped)
                else:
                    async with self._easy.of(tenant_id):
                        self._compilations.keep(
                            source, escaped, self._compilations.compile(source, escaped)
                        )
                        await asyncio.sleep(0)

    def _missing(self, requests: Iterable[RenderRequest]) -> dict[str, deque[Source]]:
        """Returns what is not compiled yet, by tenant."""
        wanted: dict[Source, str] = {}
        seen: set[int] = set()
        for request in requests:
            sources = request.content.sources[request.channel]
            if id(sources) not in seen:
                seen.add(id(sources))
                for part in PARTS[request.channel]:
                    wanted.setdefault((sources[part.name], part.escaped), request.key.tenant_id)
        missing: dict[str, deque[Source]] = {}
        for source, tenant_id in wanted.items():
            if self._compilations.find(*source) is None:
                missing.setdefault(tenant_id, deque()).append(source)
        return missing

    async def _render_easy(
        self, requests: Sequence[RenderRequest], results: list[Result]
    ) -> dict[str, deque[int]]:
        """Renders what takes few steps; returns the places of the rest, by tenant."""
        hard: dict[str, deque[int]] = {}
        ring = deque(_by_tenant(requests).items())
        while ring:
            tenant_id, places = ring.popleft()
            async with self._easy.of(tenant_id):
                spent = 0
                while places and spent < EASY:
                    place = places.popleft()
                    share = Share(EASY)
                    result = self._try(requests[place], share)
                    spent += _EACH + share.spent
                    if result is not None:
                        results[place] = result
                    else:
                        hard.setdefault(tenant_id, deque()).append(place)
                if spent >= EASY:
                    # The turn lasts until all others of the process had theirs.
                    await asyncio.sleep(0)
            if places:
                ring.append((tenant_id, places))
        return hard

    def _try(self, request: RenderRequest, share: Share) -> Rendered | Failure | None:
        """Renders with a share; None when it is not enough."""
        texts = {}
        _, content, channel, variables = request
        sources = content.sources[channel]
        for part in PARTS[channel]:
            compiled = self._compilations.find(sources[part.name], part.escaped)
            if compiled is None:
                return None
            try:
                text = compiled.render(variables, share, max_bytes=part.max_bytes)
                texts[part.name] = part.finish(text)
            except ShareExceeded:
                return None
            except _Refusal as error:
                return _failure(request, part, error)
        return Rendered(channel, texts)

    async def _render_hard(
        self,
        requests: Sequence[RenderRequest],
        results: list[Result],
        hard: dict[str, deque[int]],
        until: float,
    ) -> None:
        """Renders what takes many steps, a message a turn; raises TurnMissed."""
        while hard:
            tenant_id = self._hard.next_of(hard)
            places = hard[tenant_id]
            async with self._hard.of(tenant_id, until=until):
                place = places.popleft()
                results[place] = await self._render_whole(requests[place])
            if not places:
                del hard[tenant_id]

    async def _render_whole(self, request: RenderRequest) -> Rendered | Failure:
        """Renders with a whole budget for each part; for who has the turn."""
        texts = {}
        sources = request.content.sources[request.channel]
        for part in PARTS[request.channel]:
            source = (sources[part.name], part.escaped)
            budget = Budget()
            try:
                compiled = self._compilations.find(*source) or await self._compile(*source)
                work = partial(_finished, part, compiled, request.variables, budget)
                texts[part.name] = await self._off_the_loop(work)
            except _Refusal as error:
                return _failure(request, part, error)
            finally:
                self._hard.spent += budget.spent
        return Rendered(request.channel, texts)

    async def _compile(self, source: str, escaped: bool) -> Compiled:
        """Compiles for who has the turn; raises SourceRefused."""
        self._hard.spent += compiling_steps(source)
        work = partial(self._compilations.compile, source, escaped)
        compiled = await self._off_the_loop(work)
        self._compilations.keep(source, escaped, compiled)
        return compiled

    def _inspect(self, part: Part, source: str) -> Inspection:
        try:
            # Not kept: a draft that is only stored would push out what is being sent.
            compiled = self._compilations.compile(source, part.escaped)
            if not compiled.used:
                # It renders to the same whatever is sent, so what it renders to is known now.
                _finished(part, compiled, {}, Budget())
            elif part.is_json:
                check_json_shape(self._compilations.read(source, part.escaped))
        except _Refusal as refused:
            return Inspection(part=part, refusal=str(refused))
        return Inspection(part=part, used=compiled.used)

    async def _off_the_loop(self, work: Callable[[], Answer]) -> Answer:
        """Does work in the thread. Whoever is cancelled meanwhile goes when it is done, because the turn
        must last as long as the thread is taken."""
        done = asyncio.get_running_loop().run_in_executor(self._executor, work)
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            while not done.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([done])
            raise


def _by_tenant(requests: Iterable[RenderRequest]) -> Mapping[str, deque[int]]:
    places: defaultdict[str, deque[int]] = defaultdict(deque)
    for place, request in enumerate(requests):
        places[request.key.tenant_id].append(place)
    return places


def _finished(part: Part, compiled: Compiled, variables: dict[str, object], budget: Budget) -> str:
    return part.finish(compiled.render(variables, budget, max_bytes=part.max_bytes))


def _failure(request: RenderRequest, part: Part, error: Exception) -> Failure:
    label = version_label(request.key.name, request.key.version)
    return Failure(f"{label} does not render: {part.path}: {error}")
