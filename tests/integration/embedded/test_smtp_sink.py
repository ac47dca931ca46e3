"""The mail sink keeps what it said 250 to."""

from __future__ import annotations

import asyncio
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from urllib.parse import urlsplit

import aiosmtplib
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from libs.embedded.smtp_sink import MailKeeper, SmtpSink, open_smtp_sink


def _client(sink: SmtpSink) -> aiosmtplib.SMTP:
    address = urlsplit(sink.url)
    return aiosmtplib.SMTP(hostname=address.hostname, port=address.port, start_tls=False)


def _mail(subject: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "shop@example.com", "Ann <ann@example.com>", subject
    mail.set_content("Grüße\n.a line that begins with a dot\n")
    return mail


async def test_a_mail_lies_there_when_its_sender_hears_250(tmp_path: Path) -> None:
    async with open_smtp_sink(tmp_path / "mail") as sink, _client(sink) as client:
        await client.send_message(
            _mail("hello"), sender="bounce+1@example.com", recipients=["a@example.com", "b@x.org"]
        )

        [file] = (tmp_path / "mail").iterdir()  # nothing unfinished beside it
        kept = BytesParser(policy=policy.default).parsebytes(file.read_bytes())

    assert kept["Subject"] == "hello"
    assert kept["X-Envelope-From"] == "bounce+1@example.com"
    assert kept.get_all("X-Envelope-To") == ["a@example.com", "b@x.org"]
    assert kept.get_content().replace("\r\n", "\n") == "Grüße\n.a line that begins with a dot\n"
    assert file.suffix == ".eml"
    assert file.stat().st_mode & 0o777 == 0o600


async def test_names_sort_in_the_order_of_arrival(tmp_path: Path) -> None:
    async with open_smtp_sink(tmp_path) as sink, _client(sink) as client:
        for number in range(5):
            await client.send_message(_mail(f"number {number}"))

    subjects = [
        BytesParser(policy=policy.default).parsebytes(file.read_bytes())["Subject"]
        for file in sorted(tmp_path.iterdir())
    ]
    assert subjects == [f"number {number}" for number in range(5)]


async def test_many_senders_at_once(tmp_path: Path) -> None:
    async def send(sink: SmtpSink, number: int) -> None:
        async with _client(sink) as client:
            await client.send_message(_mail(f"number {number}"))

    async with open_smtp_sink(tmp_path) as sink:
        await asyncio.gather(*(send(sink, number) for number in range(20)))

    assert len(list(tmp_path.glob("*.eml"))) == 20


async def test_what_cannot_be_kept_is_not_accepted(tmp_path: Path) -> None:
    async with open_smtp_sink(tmp_path / "mail") as sink, _client(sink) as client:
        (tmp_path / "mail").rmdir()
        (tmp_path / "mail").touch()

        with pytest.raises(aiosmtplib.SMTPDataError) as refused:
            await client.send_message(_mail("hello"))

    assert refused.value.code == 451


async def test_an_open_connection_does_not_hold_the_sink_open(tmp_path: Path) -> None:
    client: aiosmtplib.SMTP
    async with asyncio.timeout(5):
        async with open_smtp_sink(tmp_path) as sink:
            client = _client(sink)
            await client.connect()
            await client.send_message(_mail("hello"))
    client.close()


async def test_a_keeper_of_a_test_may_refuse(tmp_path: Path) -> None:
    class Refusing(MailKeeper):
        async def handle_RCPT(
            self, server: SMTP, session: Session, envelope: Envelope, address: str, options: object
        ) -> str:
            return "550 5.1.1 no such mailbox"

    async with (
        open_smtp_sink(tmp_path, keeper=Refusing(tmp_path)) as sink,
        _client(sink) as client,
    ):
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
            await client.send_message(_mail("hello"))

    assert [recipient.code for recipient in refused.value.recipients] == [550]
    assert not list(tmp_path.iterdir())
