"""Plays the scenario of the canaries against a server, and gathers all that it told anybody."""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import grpc
from aiosmtpd.smtp import SMTP, Envelope, Session

from libs.embedded.data_directory import open_data_directory
from libs.embedded.parts import Parts, open_parts
from libs.embedded.smtp_sink import MailKeeper, open_smtp_sink
from tests.e2e.telemetry.canary_scenario import PHONE, WORD, Scenario
from tests.e2e.telemetry.conftest import FREQUENT
from tests.e2e.telemetry.test_metrics import OPEN_METRICS, fetch
from tests.support.api import Api, create_tenant
from tests.support.eventually import eventually
from tests.support.otlp import Receiver, open_receiver
from tests.support.ports import free_port
from tests.support.rabbitmq import open_broker_node

SECRET = "a cluster secret for the tests only"


def spellings() -> list[bytes]:
    """Returns what to look for: the words as they are, and as bytes are written down."""
    plain = [WORD.encode(), PHONE[1:].encode()]
    shifted = [base64.b64encode(b" " * shift + plain[0])[4:16] for shift in range(3)]
    return [*plain, *(word.hex().encode() for word in plain), *shifted]


@dataclass(slots=True)
class Told:
    """What was told, by where."""

    places: dict[str, bytes] = field(default_factory=dict)

    def hits(self) -> list[str]:
        """Returns where canaries sing."""
        return [
            f"{place}: {spelling.decode()}"
            for place, text in self.places.items()
            for spelling in spellings()
            if spelling.lower() in text.lower()
        ]


class RefusingKeeper(MailKeeper):
    """Quotes the address that it refuses."""

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, to: str, options: list[str]
    ) -> str:
        if to.startswith("refused"):
            return f"550 5.1.1 <{to}> is not known here"
        if to.startswith("later"):
            return f"451 4.2.0 <{to}> is busy"
        envelope.rcpt_tos.append(to)
        return "250 fine"


@asynccontextmanager
async def told(
    folder: Path, *, program: str = "from cli.main import main; main()"
) -> AsyncIterator[Told]:
    """Plays the scenario against a server of its own; gives what was told when it has ended."""
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(open_receiver())
        node = await stack.enter_async_context(open_broker_node(folder / "rabbitmq"))
        directory = await stack.enter_async_context(open_data_directory(folder / "parts"))
        parts = await stack.enter_async_context(open_parts(directory))
        mails = await stack.enter_async_context(
            open_smtp_sink(folder / "mails", keeper=RefusingKeeper(folder / "mails"))
        )
        metrics = f"127.0.0.1:{free_port()}"
        environ = _environ(parts, receiver, amqp=node.url, smtp=mails.url, metrics=metrics)
        log = folder / "server.log"
        public, internal = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        arguments = ["serve", "--data-dir", str(folder / "d"), "--listen", public]
        with log.open("wb") as output:
            server = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", program, *arguments, "--internal-listen", internal),
                env=environ,
                stdout=output,
                stderr=output,
            )
            try:
                scenario, scraped = await _play(parts, public, internal, node.url, metrics, log)
            finally:
                if server.returncode is None:
                    server.terminate()
                await server.wait()
        found = Told()
        found.places["log"] = log.read_bytes()
        found.places["otlp"] = b"\n".join(receiver.received)
        found.places["prometheus"] = scraped.encode()
        found.places["dead letters"] = scenario.letters.encode()
        found.places["statuses"] = "\n".join(scenario.statuses).encode()
        for number, path in enumerate(sorted((folder / "parts").rglob("*.log"))):
            found.places[f"{path.name} {number}"] = path.read_bytes()
        yield found


async def _play(
    parts: Parts, public: str, internal: str, amqp: str, metrics: str, log: Path
) -> tuple[Scenario, str]:
    async with AsyncExitStack() as stack:
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(public))
        async with asyncio.timeout(40):
            await channel.channel_ready()
        api = Api(channel, await create_tenant(internal, SECRET))
        database = await asyncpg.connect(parts.database_url)
        stack.push_async_callback(database.close)
        scenario = Scenario(api, amqp, database)
        await scenario.play()

        async def everything_failed() -> bool:
            text = log.read_text()
            events = ("handler_failed", "work_unreadable", "call_failed", "entry_failed")
            return all(event in text for event in events) and "deliveries_not_taken" in text

        await eventually(everything_failed, within=60)
        scenario.letters = await scenario.dead_letters()
        return scenario, await asyncio.to_thread(fetch, metrics, OPEN_METRICS)


def _environ(
    parts: Parts, receiver: Receiver, *, amqp: str, smtp: str, metrics: str
) -> dict[str, str]:
    return {
        **os.environ,
        **FREQUENT,
        "TIDINGS_DATABASE_URL": parts.database_url,
        "TIDINGS_REDIS_URL": parts.redis_url,
        "TIDINGS_AMQP_URL": amqp,
        "TIDINGS_SMTP_URL": smtp,
        "TIDINGS_CLUSTER_SECRET": SECRET,
        "TIDINGS_TRACE_SAMPLE_RATIO": "1",
        "TIDINGS_METRICS_ADDRESS": metrics,
        "TIDINGS_LOG_FORMAT": "json",
        "TIDINGS_LOG_LEVEL": "debug",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
    }
