"""The way out to the inbox: idempotent, so it needs no SENDING and is never UNKNOWN."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from libs.clock import Clock
from libs.failpoints import failpoint
from services.dispatch import wire
from services.dispatch.clients import Inbox
from services.dispatch.domain.models import (
    Attempt,
    Decision,
    DeliveryState,
    Outcome,
    Settlement,
)
from services.dispatch.store.ledger import Ledger
from services.dispatch.usecases import tell
from services.dispatch.usecases.deliver import Rendered

_PROVIDER = "inbox"


class SendInApp:
    """One call for the batch; all of it is committed or none."""

    def __init__(self, *, ledger: Ledger, inbox: Inbox, clock: Clock) -> None:
        self._ledger = ledger
        self._inbox = inbox
        self._clock = clock

    async def send(self, rendered: Sequence[Rendered], *, render_time: datetime) -> None:
        """See `Outlet.send`."""
        begun = self._clock.now()
        await self._inbox.deliver([(delivery, content.in_app) for delivery, content in rendered])
        failpoint("dispatch.in_app_delivered")
        attempt = Attempt(
            provider=_PROVIDER,
            start_time=begun,
            finish_time=self._clock.now(),
            outcome=Outcome.ACCEPTED,
            response="stored in the inbox",
        )
        sent = Settlement(state=DeliveryState.SENT)
        # One call for all: what differs is how often each was tried.
        numbers = {delivery.attempts + 1 for delivery, _ in rendered}
        logs = {number: wire.attempt_log(number, attempt) for number in numbers}
        decisions = [
            Decision(
                delivery=delivery,
                settlement=sent,
                attempt_log=logs[delivery.attempts + 1],
            )
            for delivery, _ in rendered
        ]
        with tell.settling(len(decisions)) as sql:
            await self._ledger.settle(
                decisions,
                from_state=DeliveryState.CLAIMED,
                render_time=render_time,
                attempts=1,
            )
        tell.attempted(decisions, [attempt] * len(decisions), sql=sql)
