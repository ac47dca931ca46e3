"""`tidings watch` while the server is killed and started again under it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.e2e.cli.program import Program, Running
from tests.support.api import Api, create_tenant
from tests.support.server import ServerProcess

KILLS = 2
PER_LIFE = 5


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    process = ServerProcess(tmp_path / "data", {})
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
    sent: list[str] = []
    async with program.running("watch", "alice", "-o", "json") as watch:
        await watch.until('"snapshot"')
        for life in range(KILLS + 1):
            numbers = range(life * PER_LIFE, (life + 1) * PER_LIFE)
            sending = asyncio.gather(*(_send(program, number) for number in numbers))
            if life < KILLS:
                await watch.until('"item"')
                # In the middle of sending; each send comes through by itself.
                await server.kill()
                await server.start()
            sent += await sending
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
    async with program.running("watch", "alice") as watch:
        await watch.until("0 unread of 0")
        await server.kill()
        assert (await watch.line()).startswith("disconnected: ")
        await server.start()
        assert await watch.line() == "reconnected, resumed"
        assert await watch.interrupt() == 130


async def _send(program: Program, number: int) -> str:
    ended = await program.ok(
        "send", "--to", "alice", "--template", "order-shipped", "--category", "order.shipped",
        "--channel", "in_app", "--var", f"order={number}", "--within", "60", "-o", "json",
    )  # fmt: skip
    notification_id: str = ended.document["notification_id"]
    return notification_id


async def _until_shown(watch: Running, wanted: set[str]) -> None:
    async with asyncio.timeout(60):
        while not wanted <= set(_shown([json.loads(line) for line in watch.seen])):
            await watch.line(within=60)


def _shown(events: list[dict[str, Any]]) -> list[str]:
    """Ids of items in the order in which a person would have seen them appear."""
    found: list[str] = []
    for event in events:
        if event["event"] == "item":
            found.append(event["item"]["item_id"])
        elif event["event"] == "snapshot":
            found += event["unseen"]
    return found
