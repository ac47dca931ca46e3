"""A provider for development and load tests: it writes down what it takes, then says so."""

from __future__ import annotations

import asyncio
import json
import os
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from libs.clock import Clock
from services.dispatch.domain.models import Attempt, Mail, Outcome

PROVIDER = "file"


class FileProvider:
    """Appends a JSON line per mail to the file of a URL, and answers when it is written.

    `file:///path/mails.jsonl?rate=1000` takes at most 1,000 a second. A line has `delivery_id`,
    `notification_id` and `time`, and nothing of what the mail says.
    """

    def __init__(self, url: str, *, clock: Clock) -> None:
        parts = urlsplit(url)
        self._path = unquote(parts.path)
        rate = float(parse_qs(parts.query).get("rate", ["0"])[0])
        self._interval = 1 / rate if rate else 0.0
        self._clock = clock
        self._next_turn = 0.0
        self._file = -1

    async def __aenter__(self) -> Self:
        # One write appends one line whole, whoever else appends.
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._file)

    async def send(self, mail: Mail, *, deadline: float) -> Attempt:
        """See `EmailProvider.send`."""
        begun = self._clock.now()
        loop = asyncio.get_running_loop()
        self._next_turn = max(loop.time(), self._next_turn + self._interval)
        if self._next_turn > deadline:
            outcome, response = Outcome.THROTTLED, "no turn in time"
        else:
            await asyncio.sleep(self._next_turn - loop.time())
            line = {
                "delivery_id": str(mail.delivery_id),
                "notification_id": str(mail.notification_id),
                "time": self._clock.now().isoformat(),
            }
            os.write(self._file, f"{json.dumps(line)}\n".encode())
            outcome, response = Outcome.ACCEPTED, "written down"
        return Attempt(
            provider=PROVIDER,
            start_time=begun,
            finish_time=self._clock.now(),
            outcome=outcome,
            response=response,
        )
