"""Carries faults out, and counts where they hit something."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from libs.messaging.topology import DELIVERIES
from tests.chaos.cluster import DISPATCH_LEASE, INGESTION_LEASE, Cluster
from tests.chaos.plans import Kill, Kind, Plan
from tests.chaos.services import ServiceProcess

_log = logging.getLogger(__name__)

_FAILPOINT_WITHIN = 6.0
_CATCH_WITHIN = 4.0
# Calls in progress get five seconds and begun batches ten.
_ENDS_WITHIN = 20.0


@dataclass(slots=True)
class Injector:
    """Carries a plan out on a cluster. Every fault holds the processes that it touches."""

    cluster: Cluster
    chance: random.Random
    hits: Counter[str] = field(default_factory=Counter)
    """Faults that hit work in progress, by kind."""
    misses: Counter[str] = field(default_factory=Counter)
    wrongs: list[str] = field(default_factory=list)
    """What a process did wrong when it was asked to end."""
    _held: dict[str, asyncio.Lock] = field(init=False)

    def __post_init__(self) -> None:
        self._held = {process.name: asyncio.Lock() for process in self.cluster.processes}

    async def carry_out(self, plan: Plan) -> None:
        """Returns when all is done and everything runs again."""
        mood = self.cluster.sink.mood
        mood.refuse, mood.cut = plan.refuse, plan.cut
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._kills(self.cluster.dispatch, plan.dispatch))
                group.create_task(self._kills(self.cluster.ingestion, plan.ingestion))
                group.create_task(self._disturb(plan.surroundings))
        finally:
            mood.refuse = mood.cut = 0.0

    async def _kills(self, processes: Sequence[ServiceProcess], kills: Sequence[Kill]) -> None:
        for kill in kills:
            await self._pause(0.5, 2)
            process = processes[kill.process]
            async with self._held[process.name]:
                await self.kill(process)
                await self.cluster.start(process, failpoint=kill.failpoint)
                if await process.died(within=_FAILPOINT_WITHIN):
                    self._hit(f"kill {process.services[0]}", f"at {kill.failpoint}")
                else:
                    self.misses["failpoint"] += 1
                    await self.kill(process)
                await self.cluster.start(process)

    async def kill(self, process: ServiceProcess) -> None:
        """Kill -9 of a process at a moment when it has work in hand, if there is one soon."""
        count = await self.catch(process)
        await process.kill()
        if count:
            self._hit(f"kill {process.services[0]}", f"{process.name} with {count} in hand")
        else:
            self.misses[f"kill {process.services[0]}"] += 1

    async def catch(self, process: ServiceProcess) -> int:
        """Stops a process when it has work in hand; returns how much."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _CATCH_WITHIN
        while True:
            # Stopped first: what is counted then is what its death leaves behind.
            process.freeze()
            count = await self.cluster.in_flight(process)
            if count or loop.time() > deadline:
                return count
            process.thaw()
            await self._pause(0.02, 0.2)

    async def _disturb(self, kinds: Sequence[Kind]) -> None:
        ways: dict[Kind, Callable[[], Awaitable[None]]] = {
            Kind.BROKER_KILL: self._kill_broker,
            Kind.CLOSE_CONNECTIONS: self._close_connections,
            Kind.PURGE: self.purge,
            Kind.DATABASE_KILL: self._kill_database,
            Kind.DATABASE_OUTAGE: self._stop_database,
            Kind.CORE_KILL: lambda: self._kill_one(self.cluster.core),
            Kind.INBOX_KILL: lambda: self._kill_one(self.cluster.inbox),
            Kind.VALKEY_KILL: self._kill_valkey,
            Kind.ROLLING_RESTART: self.restart_each,
            Kind.FREEZE_DISPATCH: self.freeze_dispatch,
            Kind.FREEZE_INGESTION: self._freeze_ingestion,
        }
        for kind in kinds:
            await self._pause(0.5, 3)
            await ways[kind]()

    async def _kill_broker(self) -> None:
        await self.cluster.broker.kill()
        await self._pause(0, 3)
        await self.cluster.broker.start()
        self._hit("broker kill")

    async def _close_connections(self) -> None:
        await self.cluster.broker.close_connections()
        self._hit("connections closed")

    async def purge(self) -> None:
        """Empties the work queues when there is something in them."""
        async with AsyncExitStack() as stack:
            await self._hold(stack, self.cluster.dispatch)
            for process in self.cluster.dispatch:
                process.freeze()
            count = 0
            try:
                for _ in range(12):
                    # Shorter than a lease in all: nobody loses claims by it.
                    await self._pause(0.1, 0.3)
                    count = await self.cluster.purge(DELIVERIES)
                    if count:
                        break
            finally:
                for process in self.cluster.dispatch:
                    process.thaw()
        if count:
            self._hit("purge", f"{count} messages")
        else:
            self.misses["purge"] += 1

    async def _kill_database(self) -> None:
        async with AsyncExitStack() as stack:
            await self._hold(stack, self.cluster.processes)
            await self.cluster.postgres.kill()
            self._hit("database kill")

    async def _stop_database(self) -> None:
        async with AsyncExitStack() as stack:
            await self._hold(stack, self.cluster.processes)
            await self.cluster.postgres.stop()
            await asyncio.sleep(DISPATCH_LEASE + 2)
            await self.cluster.postgres.start()
            self._hit("database outage")

    async def _kill_one(self, process: ServiceProcess) -> None:
        async with self._held[process.name]:
            await process.kill()
            self._hit(f"kill {process.name}")
            await self.cluster.start(process)

    async def _kill_valkey(self) -> None:
        await self.cluster.valkey.kill()
        self._hit("valkey kill")

    async def restart_each(self) -> None:
        """Asks each process to end, in turn, and starts it again."""
        for process in self.cluster.processes:
            async with self._held[process.name]:
                begun = asyncio.get_running_loop().time()
                status = await process.stop()
                seconds = asyncio.get_running_loop().time() - begun
                if status or seconds > _ENDS_WITHIN:
                    self.wrongs.append(
                        f"STUCK process {process.name}: ended with {status} after {seconds:.0f} s"
                    )
                self._hit("restart", f"{process.name} in {seconds:.1f} s")
                await self.cluster.start(process)

    async def freeze_dispatch(self) -> None:
        """Stops a dispatcher with work in hand for longer than its lease."""
        await self._freeze(self.chance.choice(self.cluster.dispatch), DISPATCH_LEASE + 2)

    async def _freeze_ingestion(self) -> None:
        await self._freeze(self.chance.choice(self.cluster.ingestion), INGESTION_LEASE + 2)

    async def _freeze(self, process: ServiceProcess, seconds: float) -> None:
        async with self._held[process.name]:
            count = await self.catch(process)
            await asyncio.sleep(seconds)
            process.thaw()
        if count:
            self._hit("freeze", f"{process.name} with {count} in hand")
        else:
            self.misses["freeze"] += 1

    async def _hold(self, stack: AsyncExitStack, processes: Sequence[ServiceProcess]) -> None:
        for process in sorted(processes, key=lambda p: p.name):
            await stack.enter_async_context(self._held[process.name])

    async def _pause(self, shortest: float, longest: float) -> None:
        await asyncio.sleep(self.chance.uniform(shortest, longest))

    def _hit(self, kind: str, detail: str = "") -> None:
        self.hits[kind] += 1
        _log.info("%s %s", kind, detail)
