"""`tidings watch` while the server is killed and started again under it."""

from __future__ import annotations

import asyncio
import io
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from rich.console import Console

from cli.commands.send import send
from cli.output import Output, OutputFormat
from cli.session import Settings, open_session
from tests.e2e.cli.program import Program, Running
from tests.support.api import CATEGORY, TEMPLATE, Api, create_tenant
from tests.support.server import ServerProcess
from tidings.common.v1.channel_pb2 import CHANNEL_IN_APP

KILLS = 2
PER_LIFE = 5


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    """Killed by every test here, and up again after each."""
    process = ServerProcess(tmp_path_factory.mktemp("watch") / "data", {})
    await process.start()
    yield process
    await process.stop()


@pytest.mark.timeout(240)
async def test_misses_nothing_and_shows_nothing_twice(
    server: ServerProcess, tmp_path: Path
) -> None:
    key = await create_tenant(server.internal_address, server.cluster_secret)
    async with grpc.aio.insecure_channel(server.public_address) as channel:
        await Api(channel, key).seed()
    program = Program(tmp_path, {"TIDINGS_ADDRESS": server.public_address, "TIDINGS_API_KEY": key})
    settings = Settings(address=server.public_address, api_key=key)
    sent: list[str] = []
    with program.running("watch", "alice", "-o", "json") as watch:
        await asyncio.to_thread(watch.until, '"snapshot"')
        for life in range(KILLS + 1):
            numbers = range(life * PER_LIFE, (life + 1) * PER_LIFE)
            sending = asyncio.gather(*(_send(settings, number) for number in numbers))
            if life < KILLS:
                await asyncio.to_thread(watch.until, '"item"')
                # In the middle of sending; each send comes through by itself.
                await server.kill()
                await server.start()
            sent += await sending
            # So that the next life begins with a watch that is connected again.
            await _until_shown(watch, set(sent))

    events = [json.loads(line) for line in watch.seen]
    shown = Counter(_shown(events))
    assert set(shown) == set(sent)
    assert set(shown.values()) == {1}
    assert len(sent) == len(set(sent)) == (KILLS + 1) * PER_LIFE
    connected = [event for event in events if event["event"] == "connected"]
    assert len(connected) >= KILLS + 1
    # Every time it came back without a gap.
    assert [event["resumed"] for event in connected[1:]] == [True] * (len(connected) - 1)
    assert [event["event"] for event in events].count("disconnected") == len(connected) - 1


async def test_says_what_happens_in_words(server: ServerProcess, tmp_path: Path) -> None:
    key = await create_tenant(server.internal_address, server.cluster_secret)
    program = Program(tmp_path, {"TIDINGS_ADDRESS": server.public_address, "TIDINGS_API_KEY": key})
    with program.running("watch", "alice") as watch:
        await asyncio.to_thread(watch.until, "0 unread of 0")
        await server.kill()
        assert (await asyncio.to_thread(watch.line)).startswith("disconnected: ")
        await server.start()
        assert await asyncio.to_thread(watch.line) == "reconnected, resumed"
        assert await asyncio.to_thread(watch.interrupt) == 130


async def _send(settings: Settings, number: int) -> str:
    """What `tidings send` does, without a process for each."""
    output, written = Output(OutputFormat.JSON), io.StringIO()
    output.console = Console(file=written)
    async with open_session(settings, output) as session:
        await send(
            session, to="alice", template=TEMPLATE, category=CATEGORY,
            channel=[CHANNEL_IN_APP], var=[f"order={number}"], within=60,
        )  # fmt: skip
    notification_id: str = json.loads(written.getvalue())["notification_id"]
    return notification_id


async def _until_shown(watch: Running, wanted: set[str]) -> None:
    async with asyncio.timeout(60):
        while not wanted <= set(_shown([json.loads(line) for line in watch.seen])):
            await asyncio.to_thread(watch.line)


def _shown(events: list[dict[str, Any]]) -> list[str]:
    """Ids of items in the order in which a person would have seen them appear."""
    found: list[str] = []
    for event in events:
        if event["event"] == "item":
            found.append(event["item"]["item_id"])
        elif event["event"] == "snapshot":
            found += event["unseen"]
    return found
