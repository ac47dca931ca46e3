"""Redis is a hint: what arrives when it is away, comes back, or loses one."""

from __future__ import annotations

import asyncio
import os
import signal

from libs.embedded.parts import Parts
from services.inbox.wiring import open_service
from tests.integration.hosting import Hosted, hosted
from tests.integration.inbox.clients import App, deliver, delivery
from tests.integration.inbox.conftest import HostInbox

_NOBODY_LISTENS = "redis://127.0.0.1:1/0"


async def _arrives(sender: Hosted, app: App) -> float:
    """Delivers an item, waits until the app has it, and returns how long that took."""
    began = asyncio.get_running_loop().time()
    (name,) = await deliver(sender, [delivery(app.recipient_id)])
    await app.until_has([name])
    return asyncio.get_running_loop().time() - began


async def test_hints_reach_the_streams_of_other_processes(
    inbox: Hosted, host_inbox: HostInbox, alice: str
) -> None:
    async with host_inbox() as elsewhere:
        app = App(alice).open(elsewhere)
        await app.next()
        # Far less than the next poll or heartbeat.
        assert min([await _arrives(inbox, app) for _ in range(3)]) < 0.5
        app.close()


async def test_without_redis_heads_are_polled(database_url: str, alice: str) -> None:
    async with hosted(
        open_service,
        database_url=database_url,
        redis_url=_NOBODY_LISTENS,
        environ={"TIDINGS_INBOX_POLL_INTERVAL_SECONDS": "0.1"},
    ) as deaf:
        app = App(alice).open(deaf)
        await app.next()
        await _arrives(deaf, app)
        await _arrives(deaf, app)
        app.close()


async def test_a_lost_hint_costs_at_most_a_heartbeat(
    host_inbox: HostInbox, database_url: str, alice: str
) -> None:
    """One process delivers and cannot hint; the other hears Redis and so does not poll."""
    environ = {
        "TIDINGS_INBOX_MIN_HEARTBEAT_SECONDS": "0.3",
        "TIDINGS_INBOX_MAX_HEARTBEAT_SECONDS": "0.3",
    }
    async with (
        host_inbox(environ=environ) as hearing,
        hosted(open_service, database_url=database_url, redis_url=_NOBODY_LISTENS) as mute,
    ):
        app = App(alice).open(hearing)
        await app.next()
        await _arrives(mute, app)
        app.close()


async def test_redis_may_die_and_come_back(
    session_parts: Parts, host_inbox: HostInbox, alice: str
) -> None:
    async with host_inbox(environ={"TIDINGS_INBOX_POLL_INTERVAL_SECONDS": "0.2"}) as running:
        app = App(alice).open(running)
        await app.next()
        for _ in range(2):
            os.kill(session_parts.process_ids["valkey"], signal.SIGKILL)
            await _arrives(running, app)
        # Hints are heard again: several in a row arrive faster than polls would allow.
        async with asyncio.timeout(10):
            while max([await _arrives(running, app) for _ in range(5)]) > 0.1:
                pass
        app.close()
