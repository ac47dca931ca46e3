"""What tracing costs: `python -m tests.bench.tracing`.

Three servers over one PostgreSQL: one that exports nothing, one that exports and samples nothing, one
that samples 1 %. In turns each takes batches of 100 for the inbox; measured is from the first call until
the last item is stored. Printed are the median of each, and what 1 % costs: by the clock, which feels
whatever else the machine does, and by what the server computed.
"""

from __future__ import annotations

import asyncio
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import grpc
from rich.console import Console

from libs.embedded.create_database import create_database
from libs.embedded.data_directory import open_data_directory
from libs.embedded.parts import Parts, open_parts
from tests.support.api import Api, create_tenant, send_request
from tests.support.eventually import eventually
from tests.support.otlp import open_receiver
from tests.support.server import ServerProcess
from tidings.common.v1.channel_pb2 import CHANNEL_IN_APP
from tidings.ingestion.v1.ingestion_service_pb2 import SendNotificationsRequest

ROUNDS = 7
CALLS = 20
BATCH = 100
AT_ONCE = 4
RECIPIENTS = tuple(f"r{number}" for number in range(BATCH))
SAMPLED = "0.01"

_console = Console(highlight=False)


@dataclass(slots=True)
class Contestant:
    """A server, and how it fared."""

    name: str
    api: Api
    database: asyncpg.Connection[Any]
    stored: int
    rates: list[float]
    server: ServerProcess
    computed: list[float]
    """CPU seconds of each round."""

    async def run(self) -> float:
        """Sends one round; returns notifications a second."""
        slots = asyncio.Semaphore(AT_ONCE)

        async def send() -> None:
            entries = [send_request(name, channels=[CHANNEL_IN_APP]) for name in RECIPIENTS]
            async with slots:
                await self.api.ingestion.SendNotifications(
                    SendNotificationsRequest(entries=entries), metadata=self.api.metadata
                )

        async def all_stored() -> bool:
            count: int = await self.database.fetchval("SELECT sum(total) FROM inbox.heads")
            return (count or 0) >= self.stored

        self.stored += CALLS * BATCH
        computed = self.server.cpu_seconds
        begun = time.perf_counter()
        await asyncio.gather(*(send() for _ in range(CALLS)))
        await eventually(all_stored, within=120)
        rate = CALLS * BATCH / (time.perf_counter() - begun)
        self.computed.append(self.server.cpu_seconds - computed)
        return rate


@asynccontextmanager
async def contestant(
    name: str, folder: Path, parts: Parts, environ: Mapping[str, str]
) -> AsyncIterator[Contestant]:
    async with AsyncExitStack() as stack:
        url = f"{parts.database_url.rpartition('/')[0]}/{folder.name}"
        await create_database(url)
        shared = {
            "TIDINGS_DATABASE_URL": url,
            "TIDINGS_REDIS_URL": parts.redis_url,
            "TIDINGS_CLUSTER_SECRET": secrets.token_hex(16),
            "TIDINGS_INGESTION_CREDIT_WINDOW": "5000",
        }
        server = ServerProcess(folder, {**shared, **environ})
        await server.start()
        stack.push_async_callback(server.stop)
        key = await create_tenant(server.internal_address, server.cluster_secret)
        channel = grpc.aio.insecure_channel(server.public_address)
        api = Api(await stack.enter_async_context(channel), key)
        await api.seed(RECIPIENTS)
        database = await asyncpg.connect(url)
        stack.push_async_callback(database.close)
        yield Contestant(name, api, database, 0, [], server, [])


async def main() -> int:
    """Returns 0 when sampling 1 % costs less than a tenth."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        receiver = await stack.enter_async_context(open_receiver())
        directory = await stack.enter_async_context(open_data_directory(folder / "parts"))
        parts = await stack.enter_async_context(open_parts(directory))
        exporting = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
        kinds = {
            "no export": {},
            "none sampled": {**exporting, "TIDINGS_TRACE_SAMPLE_RATIO": "0"},
            "1 % sampled": {**exporting, "TIDINGS_TRACE_SAMPLE_RATIO": SAMPLED},
        }
        contestants = [
            await stack.enter_async_context(contestant(name, folder / f"c{i}", parts, environ))
            for i, (name, environ) in enumerate(kinds.items())
        ]
        for number in range(ROUNDS + 1):
            # Each is as often before as after another.
            order = contestants if number % 2 else contestants[::-1]
            for one in order:
                rate = await one.run()
                if number:
                    one.rates.append(rate)
                    line = (
                        f"round {number}: {one.name:14} {rate:7.0f}/s {one.computed[-1]:.2f} CPU s"
                    )
                    _console.print(line)
        spans = len(receiver.spans)
    _, none, some = contestants
    for one in contestants:
        _console.print(f"{one.name:14} {statistics.median(one.rates):7.0f}/s")
    ratio = statistics.median(s / n for s, n in zip(some.rates, none.rates, strict=True))
    # The first round warms up.
    work = statistics.median(none.computed[1:]) / statistics.median(some.computed[1:])
    _console.print(
        f"1 % to none: {ratio:.3f} by the clock, {work:.3f} by CPU; {spans} spans received"
    )
    return 0 if min(ratio, work) > 0.9 and spans else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
