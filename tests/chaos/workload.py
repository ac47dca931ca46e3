"""What clients do in a run: sends of every kind with retries, cancellations, open apps."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.chaos.batches import Batches
from tests.chaos.chains import Chains
from tests.chaos.cluster import Cluster
from tests.chaos.facts import Request
from tests.chaos.followers import Follower
from tests.chaos.minds import Minds
from tests.chaos.patience import CALL_SECONDS, Patience
from tests.chaos.readers import Reader
from tests.chaos.sends import Composer, Send
from tests.chaos.tenants import Tenant, open_tenant
from tidings.ingestion.v1.ingestion_service_pb2 import CancelNotificationRequest

RecipientKey = tuple[str, str]
"""Tenant and recipient."""

_TENANTS = 3
_CLIENTS = 24
_APPS = 2
# After so many a run has enough to judge: what is sent from then on keeps something in hand for
# faults to hit. On a machine that is busy a run else drowns in its own backlog.
_PLENTY = 900
_THEN = 0.25
_BATCH = 0.08
_CHAIN = 0.6


@dataclass(slots=True, kw_only=True)
class Workload:
    """A seeded history of one run."""

    chance: random.Random
    tenants: list[Tenant]
    composer: Composer
    patience: Patience = field(default_factory=Patience)
    batches: float = _BATCH
    """Share of bursts with a batch in them."""
    chains: float = _CHAIN
    """Share of bursts with a chain of amendments in them."""
    readers: dict[RecipientKey, Reader] = field(default_factory=dict)
    """The apps that hold a stream open, frame by frame."""
    followers: dict[RecipientKey, Follower] = field(default_factory=dict)
    """The clients that follow with a feed of their own."""
    ceased: asyncio.Event = field(default_factory=asyncio.Event)
    _answered: float = 0
    _progress: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def tenant_ids(self) -> list[str]:
        """Whose facts belong to this run."""
        return [tenant.tenant_id for tenant in self.tenants]

    @property
    def retries(self) -> int:
        """How often a call was repeated."""
        return self.patience.retries

    def requests(self) -> list[Request]:
        """What was asked for and answered."""
        return [send.facts() for send in self.composer.sends]

    async def run(self, *, rate: float) -> None:
        """Sends in bursts of about `rate` a second until told to cease; returns when the last has
        its answer."""
        try:
            await self._run(rate)
        finally:
            await self._advance(math.inf)

    async def _run(self, full: float) -> None:
        rate = full
        slots = asyncio.Semaphore(_CLIENTS)
        batches = Batches(self.composer, self.patience)
        chains = Chains(self.composer, self._send)
        async with asyncio.TaskGroup() as group:

            async def begin(work: Coroutine[None, None, None], sends: int) -> None:
                await slots.acquire()
                task = group.create_task(self._counted(work, sends))
                task.add_done_callback(lambda _: slots.release())

            changing = group.create_task(Minds(self.chance, self.tenants).run())
            while not self.ceased.is_set():
                before = len(self.composer.sends)
                if self.chance.random() < self.batches:
                    batch = batches.compose()
                    await begin(batches.send(batch), len(batch))
                if self.chance.random() < self.chains:
                    chain = chains.compose()
                    await begin(chains.send(chain), len(chain))
                for _ in range(self.chance.randint(1, 40)):
                    await begin(self._send(self.composer.single()), 1)
                if before > _PLENTY:
                    rate = full * _THEN
                await _sleep_or(self.ceased, (len(self.composer.sends) - before) / rate)
            changing.cancel()

    async def until_answered(self, count: int) -> None:
        """Returns when so many sends have all the answers that they wait for, or none are to come."""
        async with self._progress:
            await self._progress.wait_for(lambda: self._answered >= count)

    async def _counted(self, work: Coroutine[None, None, None], sends: int) -> None:
        await work
        await self._advance(sends)

    async def _advance(self, sends: float) -> None:
        async with self._progress:
            self._answered += sends
            self._progress.notify_all()

    async def _send(self, send: Send) -> None:
        api = send.tenant.sending
        for _ in range(1 + send.repeated):
            send.answers.append(
                await self.patience.until_answered(
                    lambda: api.ingestion.SendNotification(
                        send.request, metadata=api.metadata, timeout=CALL_SECONDS
                    )
                )
            )
        if send.regret is not None:
            await asyncio.sleep(send.regret)
            # Noted before it is asked for: a call that fails may have been heard.
            send.cancelled = True
            request = CancelNotificationRequest(notification_id=send.answers[0].notification_id)
            send.told = await self.patience.until_answered(
                lambda: api.ingestion.CancelNotification(
                    request, metadata=api.metadata, timeout=CALL_SECONDS
                )
            )


@asynccontextmanager
async def open_workload(cluster: Cluster, seed: int) -> AsyncIterator[Workload]:
    """Sets up fresh tenants for a run."""
    async with (
        cluster.public_channel([cluster.core]) as settled,
        cluster.public_channel(cluster.ingestion) as sending,
        cluster.public_channel([cluster.inbox]) as inbox,
    ):
        tenants = [await open_tenant(cluster, settled, sending, inbox) for _ in range(_TENANTS)]
        chance = random.Random(f"workload {seed}")
        composer = Composer(chance=chance, tenants=tenants)
        workload = Workload(chance=chance, tenants=tenants, composer=composer)
        async with _reading(workload):
            yield workload


@asynccontextmanager
async def _reading(workload: Workload) -> AsyncIterator[None]:
    """Has some recipients' apps open."""
    for tenant in workload.tenants:
        for recipient in (*tenant.fickle[:_APPS], tenant.steady[0]):
            key = (tenant.tenant_id, recipient)
            workload.readers[key] = Reader(tenant.reading, recipient)
            workload.followers[key] = Follower(tenant, recipient)
    runs = [reader.run() for reader in workload.readers.values()]
    runs += [follower.run() for follower in workload.followers.values()]
    tasks = [asyncio.create_task(run) for run in runs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _sleep_or(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
