"""How fast, in under a minute: `python -m tests.bench.quick`, or `make bench-quick`.

One server process with every service, RabbitMQ, PostgreSQL, Valkey, and this process with the senders
and the streams, all on one machine. Notifications go to the inbox; one is delivered when a client has
it from its stream, counted by its id. Latency is from the beginning of the call to the frame's arrival.
Everything is measured in one run and written to `build/bench.json`; compare ratios, not machines.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import grpc
from rich.console import Console

from libs.embedded.data_directory import open_data_directory
from libs.embedded.parts import open_parts
from tests.bench.floor import measure_floor
from tests.bench.load import Arrivals, batches, paced, singles
from tests.support.api import Api, create_tenant
from tests.support.rabbitmq import open_broker_node
from tests.support.server import ServerProcess

RECIPIENTS = [f"r{number}" for number in range(20)]
FLOOR_ROWS = 60_000
BATCH = 100
BATCH_SECONDS = 8.0
SINGLE_SECONDS = 5.0
PACED_SECONDS = 6.0

_console = Console(highlight=False)


@asynccontextmanager
async def open_machine(folder: Path) -> AsyncIterator[tuple[ServerProcess, str]]:
    """Starts the parts and a server over them; yields it with the database's address."""
    async with AsyncExitStack() as stack:
        directory = await stack.enter_async_context(open_data_directory(folder / "parts"))
        parts = await stack.enter_async_context(open_parts(directory, postgres=True, valkey=True))
        broker = await stack.enter_async_context(open_broker_node(folder))
        environ = {
            "TIDINGS_DATABASE_URL": parts.database_url,
            "TIDINGS_CLUSTER_SECRET": secrets.token_hex(16),
            "TIDINGS_REDIS_URL": parts.redis_url,
            "TIDINGS_AMQP_URL": broker.url,
        }
        server = ServerProcess(folder / "server", environ)
        await server.start()
        stack.push_async_callback(server.stop)
        yield server, parts.database_url


async def measure(api: Api, channel: grpc.aio.Channel) -> dict[str, dict[str, float]]:
    """Returns the figures of batches and of single calls, at full and at half speed."""
    figures: dict[str, dict[str, float]] = {}
    async with Arrivals(channel, api, RECIPIENTS) as arrivals:
        # Connections, caches and statements are warm before anything is counted.
        await batches(api, arrivals, RECIPIENTS, size=BATCH, seconds=1.5)
        full = await batches(api, arrivals, RECIPIENTS, size=BATCH, seconds=BATCH_SECONDS)
        half = await paced(
            api, arrivals, RECIPIENTS, size=BATCH, rate=full.delivered / 2, seconds=PACED_SECONDS
        )
        figures["batch_100"] = full.figures() | half.latencies("at_half_")
        full = await singles(api, arrivals, RECIPIENTS, seconds=SINGLE_SECONDS)
        half = await paced(
            api, arrivals, RECIPIENTS, size=1, rate=full.delivered / 2, seconds=PACED_SECONDS
        )
        figures["single"] = full.figures() | half.latencies("at_half_")
    return figures


async def main() -> int:
    """Prints the figures and writes them down."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_machine(Path(folder)) as (server, database_url):
            floor = await measure_floor(database_url, rows=FLOOR_ROWS)
            key = await create_tenant(server.internal_address, server.cluster_secret)
            async with grpc.aio.insecure_channel(server.public_address) as channel:
                api = Api(channel, key)
                await api.seed(RECIPIENTS)
                figures = await measure(api, channel)
    batch = figures["batch_100"]
    result = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "broker": "rabbitmq",
        "floor_rows_per_second": round(floor),
        "delivered_to_floor": round(batch["delivered_per_second"] / floor, 4),
        **figures,
    }
    out = Path("build") / "bench.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(result, indent=2) + "\n")
    _console.print_json(json.dumps(result))
    _console.print(f"kept in {out}")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
