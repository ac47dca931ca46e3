"""The cluster of the runs: real stores, a real broker, and six service processes."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aio_pika
import asyncpg
import grpc

from libs.embedded.data_directory import open_data_directory
from libs.embedded.parts import open_parts
from libs.embedded.smtp_sink import open_smtp_sink
from libs.messaging.topology import BINDINGS, DELIVERIES, EVENTS
from tests.chaos.services import ServiceProcess
from tests.chaos.sink import Sink
from tests.chaos.stores import Postgres, Valkey
from tests.support.rabbitmq import BrokerNode, open_broker_node

DISPATCH_LEASE = 4.0
INGESTION_LEASE = 3.0

_SETTINGS = {
    # Short, so that a run lives through many of them. A mail must fit in a lease beside its margin.
    "TIDINGS_DISPATCH_LEASE_SECONDS": str(DISPATCH_LEASE),
    "TIDINGS_DISPATCH_CLAIM_DEADLINE_SECONDS": "12",
    "TIDINGS_DISPATCH_SWEEP_INTERVAL_SECONDS": "0.25",
    "TIDINGS_DISPATCH_EVENT_INTERVAL_SECONDS": "1",
    "TIDINGS_DISPATCH_RETRY_BASE_SECONDS": "0.2",
    "TIDINGS_DISPATCH_RETRY_CEILING_SECONDS": "2",
    "TIDINGS_DISPATCH_MAX_ATTEMPTS": "12",
    "TIDINGS_SMTP_TIMEOUT_SECONDS": "1.5",
    "TIDINGS_SMTP_CONNECTIONS": "8",
    "TIDINGS_WEBHOOK_TIMEOUT_SECONDS": "1.5",
    "TIDINGS_INGESTION_LEASE_SECONDS": str(INGESTION_LEASE),
    "TIDINGS_INGESTION_CLAIM_DEADLINE_SECONDS": "8",
    "TIDINGS_INGESTION_SWEEP_INTERVAL_SECONDS": "0.3",
    "TIDINGS_INGESTION_REPUBLISH_SECONDS": "1",
    "TIDINGS_INGESTION_REPUBLISH_CEILING_SECONDS": "4",
    "TIDINGS_INGESTION_PLANNING_PAUSE_SECONDS": "0.3",
}
_CORE = ("access", "template", "preference", "tracking")
_POOL_OPTIONS = [
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 300),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.service_config", '{"loadBalancingConfig": [{"round_robin": {}}]}'),
]


class Cluster:
    """Everything that a fault can hit."""

    def __init__(
        self,
        folder: Path,
        *,
        postgres: Postgres,
        valkey: Valkey,
        broker: BrokerNode,
        sink: Sink,
        secret: str,
    ) -> None:
        self.postgres = postgres
        self.valkey = valkey
        self.broker = broker
        self.sink = sink
        self.secret = secret
        self.core = ServiceProcess("core", _CORE, folder)
        self.inbox = ServiceProcess("inbox", ["inbox"], folder)
        self.ingestion = [ServiceProcess(f"ingestion-{x}", ["ingestion"], folder) for x in "ab"]
        self.dispatch = [ServiceProcess(f"dispatch-{x}", ["dispatch"], folder) for x in "ab"]
        self._starting = {"ingestion": asyncio.Lock(), "dispatch": asyncio.Lock()}

    @property
    def processes(self) -> list[ServiceProcess]:
        """All service processes."""
        return [self.core, self.inbox, *self.ingestion, *self.dispatch]

    def configure(self, *, smtp_url: str, mutant: str) -> None:
        """Tells the processes of one another."""
        environ = {
            **_SETTINGS,
            "TIDINGS_DATABASE_URL": self.postgres.url,
            "TIDINGS_REDIS_URL": self.valkey.url,
            "TIDINGS_AMQP_URL": self.broker.url,
            "TIDINGS_SMTP_URL": smtp_url,
            "TIDINGS_CLUSTER_SECRET": self.secret,
            **{f"TIDINGS_{name.upper()}_ADDRESS": self.core.internal_address for name in _CORE},
            "TIDINGS_INBOX_ADDRESS": self.inbox.internal_address,
            "TIDINGS_INGESTION_ADDRESS": _target([p.internal_address for p in self.ingestion]),
            "TIDINGS_DISPATCH_ADDRESS": _target([p.internal_address for p in self.dispatch]),
        }
        for process in self.processes:
            process.environ = environ
            process.mutant = mutant

    async def start_over(self, *, mutant: str) -> None:
        """Starts all services again, as another mutant, on empty tables and queues."""
        await self.kill_all()
        connection = await self.connect()
        try:
            await connection.execute(_EMPTY)
        finally:
            await connection.close()
        await self.purge(DELIVERIES, EVENTS)
        for process in self.processes:
            process.mutant = mutant
            process.environ = {**self.dispatch[1].environ}
        await self.start_all()

    async def start_all(self) -> None:
        """Starts all services, as many at once as a small machine can bear."""
        await asyncio.gather(self.start(self.core), self.start(self.inbox))
        for ingestion, dispatch in zip(self.ingestion, self.dispatch, strict=True):
            await asyncio.gather(self.start(ingestion), self.start(dispatch))

    async def kill_all(self) -> None:
        """Kill -9 of all services."""
        await asyncio.gather(*(process.kill() for process in self.processes))

    async def start(self, process: ServiceProcess, *, failpoint: str = "") -> None:
        """Starts a process and learns under which id it claims."""
        schema = process.services[0]
        if schema not in self._starting:
            await process.start(failpoint=failpoint)
            return
        # One at a time: what is new in the table afterwards is this process's.
        async with self._starting[schema]:
            before = await self._incarnations(schema)
            await process.start(failpoint=failpoint)
            process.incarnations = await self._incarnations(schema) - before

    async def in_flight(self, process: ServiceProcess) -> int:
        """Counts what is in the hands of a process right now."""
        schema = process.services[0]
        siblings = self.dispatch if schema == "dispatch" else self.ingestion
        others = frozenset().union(*(p.incarnations for p in siblings if p is not process))
        connection = await self.connect()
        try:
            # It may have had to take a new id since: whatever is not its sibling's is its own.
            return int(await connection.fetchval(_IN_FLIGHT[schema], sorted(others)))
        finally:
            await connection.close()

    async def connect(self) -> asyncpg.Connection[asyncpg.Record]:
        """Opens a connection to the database."""
        return await asyncpg.connect(self.postgres.url, timeout=20)

    async def purge(self, *exchanges: str) -> int:
        """Empties every queue of the exchanges; returns how many messages were lost by it."""
        async with await aio_pika.connect(self.broker.url) as connection:
            channel = await connection.channel()
            count = 0
            for binding in BINDINGS:
                if binding.exchange in exchanges:
                    queue = await channel.get_queue(binding.queue)
                    count += (await queue.purge()).message_count or 0
            return count

    def public_channel(self, processes: list[ServiceProcess]) -> grpc.aio.Channel:
        """Opens a users' channel to one or several processes of a kind."""
        target = _target([p.public_address for p in processes])
        return grpc.aio.insecure_channel(target, options=_POOL_OPTIONS)

    async def _incarnations(self, schema: str) -> frozenset[str]:
        connection = await self.connect()
        try:
            if not await connection.fetchval("SELECT to_regclass($1)", f"{schema}.incarnations"):
                return frozenset()
            rows = await connection.fetch(f"SELECT incarnation_id FROM {schema}.incarnations")  # noqa: S608 - our own name
            return frozenset(str(row["incarnation_id"]) for row in rows)
        finally:
            await connection.close()


_IN_FLIGHT = {
    "dispatch": "SELECT count(*) FROM dispatch.deliveries WHERE state IN (2, 3)"
    " AND claim_owner <> ALL($1::uuid[])",
    "ingestion": "SELECT (SELECT count(*) FROM ingestion.notifications WHERE state IN (1, 6)"
    " AND claim_owner <> ALL($1::uuid[])) + (SELECT count(*) FROM ingestion.outbox)",
}

_EMPTY = """
DO $$
DECLARE found record;
BEGIN
    FOR found IN
        SELECT schemaname, tablename FROM pg_tables
        WHERE schemaname IN ('ingestion', 'dispatch', 'inbox') AND tablename <> 'migrations'
    LOOP
        EXECUTE format('TRUNCATE %I.%I CASCADE', found.schemaname, found.tablename);
    END LOOP;
END $$
"""


@asynccontextmanager
async def open_cluster(folder: Path, *, mutant: str = "") -> AsyncIterator[Cluster]:
    """Runs a cluster of its own in `folder` until left."""
    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(open_data_directory(folder / "stores"))
        valkey_directory = await stack.enter_async_context(open_data_directory(folder / "valkey"))
        postgres = Postgres(stores)
        stack.push_async_callback(postgres.stop)
        sink = Sink(folder / "mails", log=folder / "mails.log")
        server = await stack.enter_async_context(open_smtp_sink(folder / "mails", keeper=sink))
        valkey = await stack.enter_async_context(open_parts(valkey_directory, postgres=False))
        broker, _ = await asyncio.gather(
            stack.enter_async_context(open_broker_node(folder / "rabbitmq")), postgres.start()
        )
        cluster = Cluster(
            folder,
            postgres=postgres,
            valkey=Valkey(valkey),
            broker=broker,
            sink=sink,
            secret=secrets.token_hex(16),
        )
        cluster.configure(smtp_url=server.url, mutant=mutant)
        stack.push_async_callback(cluster.kill_all)
        await cluster.start_all()
        yield cluster


def _target(addresses: list[str]) -> str:
    return f"ipv4:{','.join(addresses)}" if len(addresses) > 1 else addresses[0]
