"""Finds a mail that the embedded sink has kept, and reads what a person would see of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path

from tidings.dispatch.v1.delivery_pb2 import Delivery

_KEPT_AS = re.compile(r"kept as (\S+\.eml)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail as it arrived."""

    path: Path
    sender: str
    recipient: str
    subject: str
    text: str


def find_mail(directory: Path, delivery: Delivery) -> Mail | None:
    """Returns the mail of a delivery; the sink named its file when it took it."""
    for attempt in reversed(delivery.attempts):
        if match := _KEPT_AS.search(attempt.response):
            path = directory / match[1]
            return _read(path) if path.is_file() else None
    return None


def _read(path: Path) -> Mail:
    with path.open("rb") as file:
        message = BytesParser(EmailMessage, policy=default).parse(file)
    body = message.get_body(("plain",))
    return Mail(
        path=path,
        sender=str(message["From"]),
        recipient=str(message["To"]),
        subject=str(message["Subject"]),
        text=body.get_content() if body else "",
    )
