"""The way out by webhook: each call by itself, since each has an endpoint of its own to wait for."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from libs.batching import Batcher
from libs.clock import Clock
from libs.egress.urls import host_of
from libs.failpoints import failpoint
from services.dispatch.channels.provider import WebhookProvider
from services.dispatch.domain.models import (
    ClaimedDelivery,
    Decision,
    DeliveryState,
    Settlement,
    Webhook,
    WebhookRoot,
)
from services.dispatch.domain.settling import RetryPolicy, release
from services.dispatch.domain.webhooks import derive_secret, payload
from services.dispatch.store.ledger import Ledger
from services.dispatch.store.webhook_roots import WebhookRoots
from services.dispatch.usecases.deliver import Rendered
from services.dispatch.usecases.places import Places
from services.dispatch.usecases.settle_attempts import Made, SettleAttempts
from services.dispatch.usecases.slots import Slots
from tidings.template.v1.content_pb2 import WebhookContent

# The statement that begins the calls and their answers must fit in the lease beside them.
_MARGIN = timedelta(seconds=1)
_BATCH = 200
_BUSY = "its endpoint is busy with other calls"
_UNREADABLE = "the secrets that sign it cannot be read; the log of dispatch says why"


class SendWebhook:
    """No call waits for another. What goes into the ledger goes together, as it comes."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        provider: WebhookProvider,
        roots: WebhookRoots,
        slots: Slots,
        places: Places,
        call_timeout: timedelta,
        policy: RetryPolicy,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._provider = provider
        self._roots = roots
        self._slots = slots
        self._places = places
        self._call_timeout = call_timeout
        self._policy = policy
        settle = SettleAttempts(ledger=ledger, policy=policy, clock=clock)
        self._begun: Batcher[tuple[ClaimedDelivery, datetime], bool] = Batcher(
            self._begin, max_items=_BATCH
        )
        self._returned: Batcher[Decision, None] = Batcher(self._give_back, max_items=_BATCH)
        self._settled: Batcher[Made, None] = Batcher(settle, max_items=_BATCH)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Waits until the ledger has everything."""
        for batcher in (self._begun, self._returned, self._settled):
            await batcher.__aexit__(kind, error, traceback)

    async def send(self, rendered: Sequence[Rendered], *, render_time: datetime) -> None:
        """See `Outlet.send`."""
        roots = await self._roots.of({delivery.tenant_id for delivery, _ in rendered})
        results = await asyncio.gather(
            *(
                self._send_one(
                    delivery, content.webhook, roots.get(delivery.tenant_id), render_time
                )
                for delivery, content in rendered
            ),
            return_exceptions=True,
        )
        failures = [result for result in results if result is not None]
        if failures:
            raise failures[0]

    async def _send_one(
        self,
        delivery: ClaimedDelivery,
        content: WebhookContent,
        roots: Sequence[WebhookRoot] | None,
        render_time: datetime,
    ) -> None:
        if roots is None:
            await self._put_off(delivery, _UNREADABLE)
            return
        async with self._places.at(host_of(delivery.task.endpoint)) as place:
            if not place:
                await self._put_off(delivery, _BUSY)
                return
            await self._slots.take(1, priority=delivery.priority)
            try:
                made = await self._call(delivery, content, roots, render_time)
            finally:
                await self._slots.give(1)
        if made is None:
            # Too little lease was left; what is still ours is due at once, for who has more.
            at_once = Settlement(state=DeliveryState.RETRY, delay=timedelta())
            await self._returned.submit(Decision(delivery=delivery, settlement=at_once))
        else:
            await self._settled.submit(made)

    async def _put_off(self, delivery: ClaimedDelivery, detail: str) -> None:
        later = release(detail, claims=delivery.claims, policy=self._policy, jitter=random.random())
        await self._returned.submit(Decision(delivery=delivery, settlement=later))

    async def _call(
        self,
        delivery: ClaimedDelivery,
        content: WebhookContent,
        roots: Sequence[WebhookRoot],
        render_time: datetime,
    ) -> Made | None:
        # Measured from before the statement: the lease it checks is then longer than the call.
        deadline = asyncio.get_running_loop().time() + self._call_timeout.total_seconds()
        if not await self._begun.submit((delivery, render_time)):
            return None
        failpoint("dispatch.sending")
        attempt = await self._provider.send(_webhook(delivery, content, roots), deadline=deadline)
        failpoint("dispatch.sent")
        return delivery, attempt

    async def _begin(self, items: Sequence[tuple[ClaimedDelivery, datetime]]) -> list[bool]:
        begun = await self._ledger.begin_sending(
            [delivery for delivery, _ in items],
            call_timeout=self._call_timeout + _MARGIN,
            render_time=max(render_time for _, render_time in items),
        )
        return [delivery.task.delivery_id in begun for delivery, _ in items]

    async def _give_back(self, decisions: Sequence[Decision]) -> list[None]:
        await self._ledger.settle(decisions, from_state=DeliveryState.CLAIMED)
        return [None] * len(decisions)


def _webhook(
    delivery: ClaimedDelivery, content: WebhookContent, roots: Sequence[WebhookRoot]
) -> Webhook:
    task = delivery.task
    return Webhook(
        url=task.endpoint,
        body=payload(task.category, task.accept_time, content.data),
        delivery_id=task.delivery_id,
        secrets=tuple(derive_secret(root.key, task.recipient_id) for root in roots),
        traceparent=task.traceparent,
    )
