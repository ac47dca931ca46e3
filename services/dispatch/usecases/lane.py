"""A lane: the deliveries of one channel and priority that this process has in hand. Bounded."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from libs.errors import DependencyUnavailable
from services.dispatch.domain.models import ClaimedDelivery
from services.dispatch.usecases.solitude import Solitude

_log = logging.getLogger(__name__)

_PAUSE_S = 1.0


class Lane:
    """Room is reserved before work is claimed, so that a process never owns more than it can do.

    Suspects, of which a process may have died, are delivered one by one with every other lane at rest.
    """

    def __init__(
        self,
        channel: int,
        priority: int,
        *,
        deliver: Callable[[Sequence[ClaimedDelivery]], Awaitable[None]],
        deliver_alone: Callable[[ClaimedDelivery], Awaitable[None]],
        solitude: Solitude,
        capacity: int,
        batch: int,
        abreast: int = 1,
    ) -> None:
        """`abreast` batches at a time, so that one that waits for a slow endpoint holds up few others."""
        self.channel = channel
        self.priority = priority
        self._deliver = deliver
        self._deliver_alone = deliver_alone
        self._solitude = solitude
        self._batch = batch
        self._abreast = abreast
        self._capacity = capacity
        self._room = capacity
        self._freed = asyncio.Condition()
        self._waiting: deque[ClaimedDelivery] = deque()
        self._arrived = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    @property
    def in_use(self) -> int:
        """How many deliveries are in hand, or have room kept for them."""
        return self._capacity - self._room

    async def reserve(self, count: int) -> None:
        """Waits until `count` more deliveries fit, and takes their room."""
        # A message larger than the lane is let in when the lane is empty.
        needed = min(count, self._capacity)
        async with self._freed:
            await self._freed.wait_for(lambda: self._room >= needed)
            self._room -= count

    def try_reserve(self, most: int) -> int:
        """Takes room for up to `most` deliveries at once; returns for how many."""
        count = max(0, min(most, self._room))
        self._room -= count
        return count

    async def free(self, count: int) -> None:
        """Gives room back."""
        async with self._freed:
            self._room += count
            self._freed.notify_all()

    def put(self, deliveries: Sequence[ClaimedDelivery]) -> None:
        """Adds deliveries whose room was reserved."""
        self._waiting.extend(deliveries)
        self._arrived.set()

    async def run(self) -> None:
        """Delivers batch after batch, for ever. A batch that has begun outlives this loop."""
        while True:
            while len(self._running) >= self._abreast:
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            while not self._waiting:
                self._arrived.clear()
                await self._arrived.wait()
            task = asyncio.get_running_loop().create_task(self._work(self._take()))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def finish(self, seconds: float) -> list[ClaimedDelivery]:
        """Waits for batches that have begun; returns what was never begun, for others to do."""
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)
        left = list(self._waiting)
        self._waiting.clear()
        return left

    def _take(self) -> list[ClaimedDelivery]:
        """Returns the next batch: one suspect, or deliveries up to the next suspect."""
        batch = [self._waiting.popleft()]
        while (
            self._waiting
            and len(batch) < self._batch
            and not batch[0].suspect
            and not self._waiting[0].suspect
        ):
            batch.append(self._waiting.popleft())
        return batch

    async def _work(self, batch: Sequence[ClaimedDelivery]) -> None:
        try:
            if batch[0].suspect:
                async with self._solitude.alone():
                    await self._deliver_alone(batch[0])
            else:
                async with self._solitude.together():
                    await self._deliver(batch)
        except DependencyUnavailable:
            # Not even giving them back went through. What was settled meanwhile is no longer ours to move.
            await asyncio.sleep(_PAUSE_S)
            await self.reserve(len(batch))
            self._waiting.extendleft(reversed(batch))
        except Exception:  # noqa: BLE001 - the rim of the batch
            # The ledger still says that they are claimed: they come back when the claim ends.
            ids = [str(delivery.task.notification_id) for delivery in batch]
            _log.exception("batch_failed", extra={"notification_ids": ids})
        finally:
            await self.free(len(batch))
