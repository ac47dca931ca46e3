"""One tenant's backlog and another tenant's ten: `python -m tests.bench.fairness`.

Tenant X accepts 100,000 mails in bulk, bound for a provider that takes 1,000 a second. While at least
half of them still wait, tenant Y sends ten, and X one that is critical. Printed is how long these took
to leave, measured at the provider.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from cli.serve import Cluster, ServeOptions, open_cluster
from tests.support.api import Api, open_api, send_request
from tests.support.eventually import eventually
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL
from tidings.common.v1.priority_pb2 import Priority
from tidings.ingestion.v1.ingestion_service_pb2 import (
    SendNotificationRequest,
    SendNotificationsRequest,
)

BULK = 100_000
CHUNK = 500
RATE = 1_000

_console = Console(highlight=False)


def mail(priority: Priority.ValueType = Priority.PRIORITY_NORMAL) -> SendNotificationRequest:
    request = send_request(channels=[CHANNEL_EMAIL])
    request.priority = priority
    return request


async def send(api: Api, requests: Collection[SendNotificationRequest]) -> list[str]:
    """Sends a batch and returns the notifications' ids."""
    response = await api.ingestion.SendNotifications(
        SendNotificationsRequest(entries=requests), metadata=api.metadata, timeout=30
    )
    return [result.accepted.notification_id for result in response.results]


def taken(log: Path) -> dict[str, datetime]:
    """Returns when the provider took the mail of each notification."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return {line["notification_id"]: datetime.fromisoformat(line["time"]) for line in lines}


async def seconds_to_leave(log: Path, ids: Collection[str], since: datetime) -> float:
    """Waits until the provider has taken all of these; returns how long the last one took."""

    async def probe() -> list[datetime] | None:
        times = await asyncio.to_thread(taken, log)
        return [times[i] for i in ids] if all(i in times for i in ids) else None

    return (max(await eventually(probe, within=30)) - since).total_seconds()


async def fill(api: Api) -> None:
    """Accepts the bulk, four calls at a time."""
    slots = asyncio.Semaphore(4)

    async def chunk() -> None:
        async with slots:
            await send(api, [mail() for _ in range(CHUNK)])

    await asyncio.gather(*(chunk() for _ in range(BULK // CHUNK)))


@asynccontextmanager
async def served(directory: Path, log: Path) -> AsyncIterator[Cluster]:
    environ = {
        "TIDINGS_SMTP_URL": f"file://{log}?rate={RATE}",
        "TIDINGS_SMTP_CONNECTIONS": "200",
    }
    options = ServeOptions(data_directory=directory, listen="127.0.0.1:0", environ=environ)
    async with open_cluster(options) as cluster:
        yield cluster


async def main() -> int:
    """Returns 0 when Y's ten left within 2 s and X's critical one within 1 s."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "mails.jsonl"
        async with (
            served(Path(folder) / "data", log) as cluster,
            open_api(cluster) as x,
            open_api(cluster) as y,
        ):
            await x.seed()
            await y.seed()
            begun = datetime.now(UTC)
            await fill(x)
            accepted = datetime.now(UTC)
            waiting = BULK - len(taken(log))
            ten = await send(y, [mail() for _ in range(10)])
            ten_took = await seconds_to_leave(log, ten, accepted)
            now = datetime.now(UTC)
            critical = await send(x, [mail(Priority.PRIORITY_CRITICAL)])
            critical_took = await seconds_to_leave(log, critical, now)
            waiting_after = BULK + 11 - len(taken(log))
    rate = BULK / (accepted - begun).total_seconds()
    _console.print(f"X: {BULK} accepted at {rate:.0f}/s, {waiting} waiting when Y sent")
    _console.print(f"Y: 10 left within {ten_took:.2f} s; X critical: {critical_took:.2f} s")
    _console.print(f"still waiting: {waiting_after}")
    return 0 if ten_took <= 2 and critical_took <= 1 and waiting >= BULK // 2 else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
