"""A lane: the deliveries of one channel and priority that this process has in hand. Bounded."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from libs.errors import DependencyUnavailable
from services.dispatch.domain.models import ClaimedDelivery
from services.dispatch.usecases.room import Room
from services.dispatch.usecases.solitude import Solitude

_log = logging.getLogger(__name__)

_PAUSE_S = 1.0
# Of the claim deadline: what a lane takes should leave within a fifth, what has waited for half is for others.
_HORIZON = 0.2
_PATIENCE = 0.5


@dataclass(frozen=True, slots=True)
class _Held:
    delivery: ClaimedDelivery
    since: float


class Lane:
    """Room is reserved before work is claimed, so that a process never owns more than it can do. What has
    waited so long that its claim would end on the way is given back before it costs any work.

    Suspects, of which a process may have died, are delivered one by one with every other lane at rest.
    """

    def __init__(
        self,
        channel: int,
        priority: int,
        *,
        deliver: Callable[[Sequence[ClaimedDelivery]], Awaitable[None]],
        deliver_alone: Callable[[ClaimedDelivery], Awaitable[None]],
        give_back: Callable[[Sequence[ClaimedDelivery]], Awaitable[None]],
        solitude: Solitude,
        claim_deadline: timedelta,
        capacity: int,
        batch: int,
        abreast: int = 1,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`abreast` batches at a time, so that one that waits for a slow endpoint holds up few others."""
        self.channel = channel
        self.priority = priority
        self._deliver = deliver
        self._deliver_alone = deliver_alone
        self._solitude = solitude
        self._batch = batch
        self._abreast = abreast
        self._give_back = give_back
        self._patience = claim_deadline.total_seconds() * _PATIENCE
        self._monotonic = monotonic
        self._room = Room(
            most=capacity,
            horizon=claim_deadline.total_seconds() * _HORIZON,
            monotonic=monotonic,
        )
        self._waiting: deque[_Held] = deque()
        self._arrived = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    @property
    def room(self) -> Room:
        """Room that is taken before work is claimed."""
        return self._room

    def put(self, deliveries: Sequence[ClaimedDelivery]) -> None:
        """Adds deliveries whose room was taken."""
        now = self._monotonic()
        self._waiting.extend(_Held(delivery, now) for delivery in deliveries)
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
        left = [held.delivery for held in self._waiting]
        self._waiting.clear()
        return left

    def _take(self) -> list[_Held]:
        """Returns the next batch: one suspect, or deliveries up to the next suspect."""
        batch = [self._waiting.popleft()]
        while (
            self._waiting
            and len(batch) < self._batch
            and not batch[0].delivery.suspect
            and not self._waiting[0].delivery.suspect
        ):
            batch.append(self._waiting.popleft())
        return batch

    async def _work(self, batch: Sequence[_Held]) -> None:
        try:
            await self._deliver_in_time(batch)
        except DependencyUnavailable:
            # Not even giving them back went through, so they keep their room. What was settled meanwhile
            # is no longer ours to move.
            await asyncio.sleep(_PAUSE_S)
            self._waiting.extendleft(reversed(batch))
            self._arrived.set()
            return
        except Exception:  # noqa: BLE001 - the rim of the batch
            # The ledger still says that they are claimed: they come back when the claim ends.
            ids = [str(held.delivery.task.notification_id) for held in batch]
            _log.exception("batch_failed", extra={"notification_ids": ids})
        due_again = sum(held.delivery.claims > 1 for held in batch)
        await self._room.give(from_messages=len(batch) - due_again, due_again=due_again)

    async def _deliver_in_time(self, batch: Sequence[_Held]) -> None:
        latest = self._monotonic() - self._patience
        late = [held.delivery for held in batch if held.since < latest]
        if late:
            _log.warning("waited_too_long", extra={"deliveries": len(late)})
            await self._give_back(late)
            self._room.owe()
        timely = [held.delivery for held in batch if held.since >= latest]
        if not timely:
            return
        with self._room.measure(len(timely)):
            if timely[0].suspect:
                async with self._solitude.alone():
                    await self._deliver_alone(timely[0])
            else:
                async with self._solitude.together():
                    await self._deliver(timely)
