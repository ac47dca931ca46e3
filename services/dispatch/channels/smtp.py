"""E-mail by SMTP (RFC 5321), over connections that are kept."""

from __future__ import annotations

import asyncio
import contextlib
import re
from datetime import datetime
from email.utils import parseaddr
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from libs.clock import Clock
from libs.config import SettingError
from services.dispatch.channels.mime import build
from services.dispatch.domain.models import Attempt, Mail, Outcome

PROVIDER = "smtp"

_ENHANCED = re.compile(r"\b[245]\.(\d{1,3})\.\d{1,3}\b")
_AUTHENTICATION_CODES = frozenset({530, 535})
# A server closes connections that idle; a younger one is safe to use.
_IDLE_SECONDS = 30.0
_START_TLS = {"required": True, "off": False, "offered": None}


def _tls(query: str) -> str:
    tls = parse_qs(query).get("tls", ["offered"])[0]
    if tls not in _START_TLS:
        raise SettingError(f"tls in TIDINGS_SMTP_URL must be {', '.join(_START_TLS)}, not {tls!r}")
    return tls


class SmtpProvider:
    """Sends mails over at most `connections` connections to the server of a URL.

    `smtp://user:password@host:port?tls=required` insists on STARTTLS, `tls=off` never asks for it;
    by default it is used where offered. `smtps://` speaks TLS from the start.
    """

    def __init__(self, url: str, *, sender: str, connections: int, clock: Clock) -> None:
        self._url = urlsplit(url)
        self._start_tls = _START_TLS[_tls(self._url.query)]
        self._sender = sender
        self._clock = clock
        self._slots = asyncio.Semaphore(connections)
        self._idle: list[tuple[float, aiosmtplib.SMTP]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for _, connection in self._idle:
            connection.close()
        self._idle.clear()

    async def send(self, mail: Mail, *, deadline: float) -> Attempt:
        """Returns what came of one call, by `deadline` on the event loop's clock at the latest.

        Only a connection that breaks or falls silent after DATA leaves the outcome UNKNOWN: before
        it nothing can have been taken, and a reply settles it (RFC 1123 §5.3.3).
        """
        begun = self._clock.now()
        call = _Call()
        try:
            async with asyncio.timeout_at(deadline), self._slots:
                outcome, response = Outcome.ACCEPTED, await self._transmit(mail, begun, call)
        except aiosmtplib.SMTPResponseException as error:
            response = f"{error.code} {error.message}"
            outcome = outcome_of(error.code, error.message)
        except (aiosmtplib.SMTPException, OSError) as error:
            response = "no answer in time" if isinstance(error, TimeoutError) else str(error)
            outcome = Outcome.UNKNOWN if call.data_begun else Outcome.TRANSIENT
        except ValueError as error:
            outcome, response = Outcome.PERMANENT, f"the mail cannot be written: {error}"
        return Attempt(
            provider=PROVIDER,
            start_time=begun,
            finish_time=self._clock.now(),
            outcome=outcome,
            response=response,
        )

    async def _transmit(self, mail: Mail, date: datetime, call: _Call) -> str:
        content = build(mail, sender=self._sender, date=date)
        connection = await self._connect()
        try:
            await connection.mail(parseaddr(self._sender)[1])
            await connection.rcpt(mail.recipient)
            call.data_begun = True
            reply = await connection.data(content)
        except aiosmtplib.SMTPResponseException:
            # The server said no and is still there for the next mail.
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await connection.rset()
                self._keep(connection)
            raise
        except BaseException:
            connection.close()
            raise
        self._keep(connection)
        return f"{reply.code} {reply.message}"

    def _keep(self, connection: aiosmtplib.SMTP) -> None:
        self._idle.append((asyncio.get_running_loop().time(), connection))

    async def _connect(self) -> aiosmtplib.SMTP:
        oldest = asyncio.get_running_loop().time() - _IDLE_SECONDS
        while self._idle:
            since, connection = self._idle.pop()
            if since > oldest and connection.is_connected:
                return connection
            connection.close()
        connection = aiosmtplib.SMTP(
            hostname=self._url.hostname,
            port=self._url.port,
            username=unquote(self._url.username) if self._url.username else None,
            password=unquote(self._url.password) if self._url.password else None,
            use_tls=self._url.scheme == "smtps",
            start_tls=self._start_tls,
            timeout=None,
        )
        await connection.connect()
        return connection


class _Call:
    """How far a call went before it broke."""

    def __init__(self) -> None:
        self.data_begun = False


def outcome_of(code: int, message: str) -> Outcome:
    """Returns what a refusal means: the first digit of the reply (RFC 5321 §4.2.1), but 421 and 4.7.x,
    with which large mailbox providers ask to slow down, and the codes about our own credentials."""
    found = _ENHANCED.search(message)
    if code in _AUTHENTICATION_CODES or (found and found.group() == "5.7.8"):
        return Outcome.AUTH
    if code >= 500:
        return Outcome.PERMANENT
    about_policy = found is not None and found.group(1) == "7"
    return Outcome.THROTTLED if code == 421 or about_policy else Outcome.TRANSIENT
