"""The way out by mail: SENDING right before the calls, outcomes settled by token."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from libs.clock import Clock
from libs.failpoints import failpoint
from services.dispatch.channels.mime import message_id
from services.dispatch.channels.provider import EmailProvider
from services.dispatch.domain.models import (
    Attempt,
    ClaimedDelivery,
    Decision,
    DeliveryState,
    Mail,
    Settlement,
)
from services.dispatch.domain.settling import RetryPolicy
from services.dispatch.store.ledger import Ledger
from services.dispatch.usecases import tell
from services.dispatch.usecases.deliver import Rendered
from services.dispatch.usecases.settle_attempts import SettleAttempts
from services.dispatch.usecases.slots import Slots
from tidings.template.v1.content_pb2 import EmailContent

# The statement that begins the calls and their answers must fit in the lease beside them.
_MARGIN = timedelta(seconds=1)


class SendEmail:
    """Sends in slices no larger than the provider's concurrency, so that nothing waits in SENDING."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        provider: EmailProvider,
        sender: str,
        slots: Slots,
        call_timeout: timedelta,
        policy: RetryPolicy,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._provider = provider
        self._sender = sender
        self._slots = slots
        self._call_timeout = call_timeout
        self._settle = SettleAttempts(ledger=ledger, policy=policy, clock=clock)

    async def send(self, rendered: Sequence[Rendered], *, render_time: datetime) -> None:
        """See `Outlet.send`."""
        left = deque(rendered)
        slices: list[asyncio.Task[None]] = []
        while left:
            taken = await self._slots.take(len(left), priority=left[0][0].priority)
            mails = [left.popleft() for _ in range(taken)]
            slices.append(asyncio.create_task(self._send_slice(mails, render_time)))
        failures = [
            error
            for error in await asyncio.gather(*slices, return_exceptions=True)
            if error is not None
        ]
        if failures:
            raise failures[0]

    async def _send_slice(self, rendered: Sequence[Rendered], render_time: datetime) -> None:
        try:
            deliveries, attempts = await self._call_provider(rendered, render_time)
        finally:
            # The next slice is sent while this one is settled.
            await self._slots.give(len(rendered))
        await self._settle(list(zip(deliveries, attempts, strict=True)))

    async def _call_provider(
        self, rendered: Sequence[Rendered], render_time: datetime
    ) -> tuple[list[ClaimedDelivery], list[Attempt]]:
        # Measured from before the statement: the lease it checks is then longer than the call.
        deadline = asyncio.get_running_loop().time() + self._call_timeout.total_seconds()
        with tell.beginning(len(rendered)):
            begun = await self._ledger.begin_sending(
                [delivery for delivery, _ in rendered],
                call_timeout=self._call_timeout + _MARGIN,
                render_time=render_time,
            )
        failpoint("dispatch.sending")
        mine = [item for item in rendered if item[0].task.delivery_id in begun]
        if len(mine) < len(rendered):
            await self._give_back([d for d, _ in rendered if d.task.delivery_id not in begun])
        attempts = await asyncio.gather(
            *(
                self._provider.send(self._mail(delivery, content.email), deadline=deadline)
                for delivery, content in mine
            )
        )
        failpoint("dispatch.sent")
        return [delivery for delivery, _ in mine], attempts

    async def _give_back(self, refused: Sequence[ClaimedDelivery]) -> None:
        """Too little lease was left; what is still ours is due at once, for who has more."""
        at_once = Settlement(state=DeliveryState.RETRY, delay=timedelta())
        await self._ledger.settle(
            [Decision(delivery=delivery, settlement=at_once) for delivery in refused],
            from_state=DeliveryState.CLAIMED,
        )

    def _mail(self, delivery: ClaimedDelivery, content: EmailContent) -> Mail:
        task = delivery.task
        return Mail(
            recipient=task.endpoint,
            subject=content.subject,
            text=content.text,
            html=content.html,
            message_id=message_id(task.delivery_id, self._sender),
            delivery_id=task.delivery_id,
            notification_id=task.notification_id,
            traceparent=task.traceparent,
        )
