"""A mail server that delivers nowhere: it keeps each mail as an `.eml` file, then says 250."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from libs.embedded.ports import HOST
from libs.embedded.private_files import sync_folder

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSink:
    """A listening sink."""

    #: Where to send: `smtp://127.0.0.1:PORT`.
    url: str
    #: Where the mails lie, named so that sorting gives their order of arrival.
    directory: Path


class MailKeeper:
    """Answers the SMTP dialogue. A test may pass a subclass that also refuses (`handle_RCPT`…)."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._numbers = itertools.count(1)

    async def handle_DATA(  # noqa: N802 - the name is aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Answer 250 once the mail is durable, 451 (try again) when it cannot be kept."""
        name = self._next_name()
        try:
            await asyncio.to_thread(_keep, self._directory, name, _with_envelope(envelope))
        except OSError:
            _log.exception("smtp_sink_cannot_keep", extra={"mail": name})
            return "451 4.3.0 cannot keep the mail now"
        return f"250 2.0.0 kept as {name}"

    def _next_name(self) -> str:
        arrived = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        return f"{arrived}-{next(self._numbers):06d}-{secrets.token_hex(4)}.eml"


@asynccontextmanager
async def open_smtp_sink(
    directory: Path, *, keeper: MailKeeper | None = None, port: int = 0
) -> AsyncIterator[SmtpSink]:
    """Listen on 127.0.0.1, on the running loop, until left; mails lie in `directory`."""
    _make_folder(directory)
    # aiosmtpd logs addresses at INFO.
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    handler = keeper or MailKeeper(directory)
    dialogues: set[_Dialogue] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Dialogue(handler, dialogues), HOST, port)
    try:
        bound = server.sockets[0].getsockname()[1]
        yield SmtpSink(url=f"smtp://{HOST}:{bound}", directory=directory)
    finally:
        server.close()
        await _hang_up(dialogues)
        await server.wait_closed()


class _Dialogue(SMTP):
    """One connection, known to the sink so that closing it can hang up."""

    def __init__(self, handler: MailKeeper, dialogues: set[_Dialogue]) -> None:
        # The host name is given because asking for it may wait on DNS.
        loop = asyncio.get_running_loop()
        super().__init__(handler, hostname="localhost", enable_SMTPUTF8=True, loop=loop)
        self._dialogues = dialogues

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._dialogues.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._dialogues.discard(self)
        super().connection_lost(error)

    def hang_up(self) -> asyncio.Task[None] | None:
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()
        return self._handler_coroutine


async def _hang_up(dialogues: set[_Dialogue]) -> None:
    tasks = [task for dialogue in list(dialogues) if (task := dialogue.hang_up()) is not None]
    if tasks:
        await asyncio.wait(tasks)


def _with_envelope(envelope: Envelope) -> bytes:
    """Put the envelope in front, as headers: what the mail says of itself may differ."""
    lines = [f"X-Envelope-From: {envelope.mail_from or ''}"]
    lines += [f"X-Envelope-To: {recipient}" for recipient in envelope.rcpt_tos]
    head = "".join(f"{line}\r\n" for line in lines).encode(errors="surrogateescape")
    content = envelope.content or b""
    return head + (content.encode() if isinstance(content, str) else content)


def _make_folder(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def _keep(directory: Path, name: str, mail: bytes) -> None:
    """Store durably under a name that a reader sees only when the mail is whole."""
    unfinished = directory / f".{name}.partial"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(unfinished, flags, 0o600), "wb") as file:
        file.write(mail)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(directory / name)
    sync_folder(directory)
