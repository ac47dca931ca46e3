"""The mail server of the runs: slow, moody by a seed, and it remembers what it took."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from libs.embedded.smtp_sink import MailKeeper
from tests.chaos.facts import Mail


@dataclass(slots=True, kw_only=True)
class Mood:
    """How the sink behaves; changed while it runs."""

    pause: float = 0.06
    """Seconds between keeping a mail and saying so: the window in which a death leaves doubt."""
    refuse: float = 0.0
    """Share of mails refused for now, before they are kept."""
    cut: float = 0.0
    """Share of mails kept and then not answered: the connection breaks."""


class Sink(MailKeeper):
    """Keeps each mail on disk, notes it in a log, and then answers."""

    def __init__(self, folder: Path, *, log: Path) -> None:
        super().__init__(folder)
        self.mood = Mood()
        self.chance = random.Random(0)
        self.mails: list[Mail] = []
        self._log = log.open("a", encoding="utf-8")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.chance.random() < self.mood.refuse:
            return "451 4.3.0 not now"
        content = envelope.content or b""
        mail = message_from_bytes(content if isinstance(content, bytes) else content.encode())
        answer = await super().handle_DATA(server, session, envelope)
        if answer.startswith("250"):
            kept = Mail(
                delivery_id=str(mail["X-Tidings-Delivery"]),
                notification_id=str(mail["X-Tidings-Notification"]),
                time=time.time(),
            )
            self.mails.append(kept)
            self._log.write(f"{kept.time:.6f} {kept.delivery_id} {kept.notification_id}\n")
            self._log.flush()
        await asyncio.sleep(self.mood.pause)
        if self.chance.random() < self.mood.cut and isinstance(
            server.transport, asyncio.WriteTransport
        ):
            server.transport.abort()
        return answer
