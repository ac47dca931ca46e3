"""The whole of docker-compose.yml on this machine: a part of the test's own for each that it has."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from libs.embedded.data_directory import open_data_directory
from libs.embedded.kernel import die_with_parent
from libs.embedded.parts import open_parts
from libs.embedded.smtp_sink import open_smtp_sink
from tests.support.compose import ROOT, ComposeService, Places, read_compose, services_of
from tests.support.rabbitmq import open_broker_node

ENVOY = Path(sys.executable).with_name("envoy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Everything that the file names, running."""

    places: Places
    services: dict[str, ComposeService]
    door: str
    """Envoy's listener."""
    key: str


@asynccontextmanager
async def placed(folder: Path, collector: str) -> AsyncIterator[Places]:
    """Opens a part of the test's own for each that the file has, and draws the secrets. `collector`
    (`host:port`) stands for the one of the file."""
    async with AsyncExitStack() as stack:
        directory = await stack.enter_async_context(open_data_directory(folder / "parts"))
        parts = await stack.enter_async_context(open_parts(directory))
        broker = await stack.enter_async_context(open_broker_node(folder / "rabbitmq"))
        sink = await stack.enter_async_context(open_smtp_sink(folder / "mail"))
        secrets = folder / "secrets"
        subprocess.run([ROOT / "deploy" / "secrets.sh", secrets], check=True)  # noqa: ASYNC221
        yield Places(
            parts={
                authority: urlsplit(url).netloc
                for authority, url in {
                    "postgres:5432": parts.database_url,
                    "rabbitmq:5672": broker.url,
                    "valkey:6379": parts.redis_url,
                    "mailpit:1025": sink.url,
                    "otel-collector:4317": f"http://{collector}",
                }.items()
            },
            folder=folder,
            secrets=secrets,
            services=list(services_of(read_compose())),
        )


@asynccontextmanager
async def envoy(places: Places, door: str) -> AsyncIterator[None]:
    """Runs Envoy with deploy/envoy.yaml."""
    file = places.folder / "envoy.yaml"
    file.write_text(places.envoy_configuration(door))
    with (places.folder / "envoy.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            str(ENVOY),
            *("-c", str(file), "--concurrency", "1", "--disable-hot-restart"),
            stdout=log,
            stderr=log,
            preexec_fn=partial(die_with_parent, signal.SIGKILL, os.getpid()),
        )
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def create_tenant(places: Places) -> str:
    """Returns a key, made as an operator does: `docker compose exec access tidings tenants …`."""
    access = services_of(read_compose())["access"]
    operator = {**access, "command": ["tenants", "create", "acme", "--output=json"]}
    program = ComposeService("operator", operator, places)
    await program.start()
    assert await program.wait() == 0, program.said()
    key: str = json.loads(program.said())["secret"]
    return key
