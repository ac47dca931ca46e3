"""Delivers what is in hand: rendered first, then by the channel's own way out."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from libs.clock import Clock
from libs.errors import DependencyUnavailable
from services.dispatch.clients import Renderer
from services.dispatch.domain.models import (
    ClaimedDelivery,
    Decision,
    DeliveryState,
    Settlement,
)
from services.dispatch.domain.settling import RetryPolicy, release
from services.dispatch.store.ledger import Ledger
from services.dispatch.usecases import tell
from tidings.template.v1.content_pb2 import RenderedContent

_log = logging.getLogger(__name__)

Rendered = tuple[ClaimedDelivery, RenderedContent]


class Outlet(Protocol):
    """The way out of one channel. It settles every delivery that it is given."""

    async def send(self, rendered: Sequence[Rendered], *, render_time: datetime) -> None:
        """Sends and settles; raises DependencyUnavailable when nothing was begun."""


class Deliver:
    """What a lane does with a batch."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        renderer: Renderer,
        outlet: Outlet,
        policy: RetryPolicy,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._renderer = renderer
        self._outlet = outlet
        self._policy = policy
        self._clock = clock

    async def __call__(self, batch: Sequence[ClaimedDelivery]) -> None:
        """Delivers a batch; what cannot go now is due again later."""
        with tell.delivering(batch):
            await self._deliver(batch)

    async def _deliver(self, batch: Sequence[ClaimedDelivery]) -> None:
        live = await self._expire(batch)
        if not live:
            return
        try:
            rendered = await self._render(live)
            if rendered:
                await self._outlet.send(rendered, render_time=self._clock.now())
        except DependencyUnavailable as error:
            _log.warning("delivery_waits", extra={"deliveries": len(live), "why": error.message})
            await self._settle([self._released(delivery, error.message) for delivery in live])

    async def alone(self, delivery: ClaimedDelivery) -> None:
        """Delivers a suspect, noted as the only one in work."""
        await self._ledger.begin_alone(delivery)
        await self([delivery])

    async def release(self, batch: Sequence[ClaimedDelivery]) -> None:
        """Gives back what was never begun, due at once."""
        now = Settlement(state=DeliveryState.RETRY, delay=self._policy.base * 0)
        await self._settle([Decision(delivery=delivery, settlement=now) for delivery in batch])

    async def _expire(self, batch: Sequence[ClaimedDelivery]) -> list[ClaimedDelivery]:
        now = self._clock.now()
        late = [delivery for delivery in batch if delivery.task.expire_time <= now]
        expired = Settlement(state=DeliveryState.EXPIRED)
        await self._settle([Decision(delivery=delivery, settlement=expired) for delivery in late])
        return [delivery for delivery in batch if delivery.task.expire_time > now]

    async def _render(self, live: Sequence[ClaimedDelivery]) -> list[Rendered]:
        results = await self._renderer.render(live)
        rendered: list[Rendered] = []
        failed: list[Decision] = []
        postponed: list[Decision] = []
        for delivery, result in zip(live, results, strict=True):
            if result.HasField("content"):
                rendered.append((delivery, result.content))
            elif result.HasField("postponed"):
                postponed.append(self._released(delivery, "waits for its turn to be rendered"))
            else:
                detail = f"does not render: {result.failure.message}"
                settlement = Settlement(state=DeliveryState.FAILED, detail=detail)
                failed.append(Decision(delivery=delivery, settlement=settlement))
        if postponed:
            _log.warning("rendering_postponed", extra={"deliveries": len(postponed)})
        await self._settle(failed + postponed)
        return rendered

    def _released(self, delivery: ClaimedDelivery, why: str) -> Decision:
        settlement = release(
            why, claims=delivery.claims, policy=self._policy, jitter=random.random()
        )
        return Decision(delivery=delivery, settlement=settlement)

    async def _settle(self, decisions: Sequence[Decision]) -> None:
        if decisions:
            with tell.settling(len(decisions)) as sql:
                await self._ledger.settle(decisions, from_state=DeliveryState.CLAIMED)
            tell.settled(decisions, sql=sql)
