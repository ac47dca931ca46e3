"""A mail as bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from uuid import UUID

import pytest

from services.dispatch.channels.mime import build, message_id
from services.dispatch.domain.models import Mail

DATE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SENDER = "Tidings <no-reply@tidings.example>"
DELIVERY = UUID(int=7)
TRACE = "0af7651916cd43dd8448eb211c80319c"


def mail(
    subject: str = "Grüße",
    text: str = "hello é\n",
    html: str = "<p>hello é</p>",
    traceparent: str = "",
) -> Mail:
    return Mail(
        recipient="alice@example.com",
        subject=subject,
        text=text,
        html=html,
        message_id=message_id(DELIVERY, SENDER),
        delivery_id=DELIVERY,
        notification_id=UUID(int=8),
        traceparent=traceparent,
    )


def test_text_and_html_arrive_as_written() -> None:
    parsed = message_from_bytes(build(mail(), sender=SENDER, date=DATE), policy=policy.default)
    assert parsed["Subject"] == "Grüße"
    assert parsed["To"] == "alice@example.com"
    assert parsed["Message-ID"] == f"<{DELIVERY}@tidings.example>"
    assert parsed["Auto-Submitted"] == "auto-generated"
    bodies = [part.get_content().strip() for part in parsed.iter_parts()]
    assert bodies == ["hello é", "<p>hello é</p>"]


def test_only_seven_bits_are_used() -> None:
    assert build(mail(), sender=SENDER, date=DATE).isascii()


def test_a_mail_without_html_is_plain() -> None:
    parsed = message_from_bytes(build(mail(html=""), sender=SENDER, date=DATE))
    assert parsed.get_content_type() == "text/plain"


@pytest.mark.parametrize(("flags", "told"), [("01", TRACE), ("00", None)])
def test_a_mail_names_its_trace_only_where_there_is_one(flags: str, told: str | None) -> None:
    context = f"00-{TRACE}-b7ad6b7169203331-{flags}"
    parsed = message_from_bytes(build(mail(traceparent=context), sender=SENDER, date=DATE))
    assert parsed["Tidings-Trace"] == told
    # Not to be taken for a context that anybody goes on with.
    assert parsed["traceparent"] is None


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\x0b", "\u2028"])
def test_a_header_cannot_be_smuggled_in(break_: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        build(mail(subject=f"hi{break_}Bcc: eve@example.com"), sender=SENDER, date=DATE)
