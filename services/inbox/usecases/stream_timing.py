"""When a stream must speak and when it must end."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

from libs.clock import Clock
from services.inbox.domain.frames import ClosingReason
from services.inbox.domain.limits import StreamLimits
from services.inbox.domain.starts import Subscription


class Timing:
    """The timers of one stream, by the loop's clock."""

    def __init__(
        self,
        subscription: Subscription,
        limits: StreamLimits,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.open_time = clock.now()
        self.heartbeat_interval = limits.grant_heartbeat(subscription.heartbeat_interval)
        self.longest_write = limits.longest_write.total_seconds()
        self._loop = loop
        # Streams that opened together shall not end together.
        age = limits.longest_age * random.uniform(0.9, 1.0)
        self._end, self._reason = loop.time() + age.total_seconds(), ClosingReason.MAX_AGE
        if subscription.auth_expire_time is not None:
            left: timedelta = subscription.auth_expire_time - clock.now()
            if loop.time() + left.total_seconds() < self._end:
                self._end = loop.time() + left.total_seconds()
                self._reason = ClosingReason.CREDENTIALS_EXPIRED
        self._heartbeat = 0.0
        self.spoke()

    def spoke(self) -> None:
        """Puts the next heartbeat off: a tenth of jitter, and never more than the granted silence."""
        silence = self.heartbeat_interval.total_seconds() * random.uniform(0.8, 1.0)
        self._heartbeat = self._loop.time() + silence

    def heartbeat_due(self) -> bool:
        """Says whether the silence has lasted long enough."""
        return self._loop.time() >= self._heartbeat

    def ending(self) -> ClosingReason | None:
        """Returns why the stream must end by now."""
        return self._reason if self._loop.time() >= self._end else None

    def next_event(self) -> float:
        """Returns when the stream must look up again."""
        return min(self._heartbeat, self._end)
