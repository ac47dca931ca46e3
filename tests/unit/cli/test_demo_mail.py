"""The mail that the demo shows is the one that the sink kept for its delivery."""

from __future__ import annotations

from pathlib import Path

from cli.demo.mail import find_mail
from tests.unit.cli.notifications import attempt, email
from tidings.dispatch.v1.delivery_pb2 import AttemptOutcome, DeliveryState

MAIL = b"""\
X-Envelope-To: alice@example.com
From: Tidings <no-reply@tidings.example>
To: alice@example.com
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="b"

--b
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: quoted-printable

Gr=C3=BC=C3=9Fe
--b
Content-Type: text/html; charset="utf-8"

<p>no</p>
--b--
"""
SENT = DeliveryState.DELIVERY_STATE_SENT


def test_reads_what_a_person_would_see(tmp_path: Path) -> None:
    (tmp_path / "1.eml").write_bytes(MAIL)
    refused = attempt(1, 2, AttemptOutcome.ATTEMPT_OUTCOME_TRANSIENT, response="451 kept as 0.eml")
    delivery = email(SENT, refused, attempt(3, 4, response="250 2.0.0 kept as 1.eml"))
    mail = find_mail(tmp_path, delivery)
    assert mail is not None
    assert mail.path == tmp_path / "1.eml"
    assert mail.sender == "Tidings <no-reply@tidings.example>"
    assert (mail.recipient, mail.subject) == ("alice@example.com", "Grüße")
    assert mail.text.strip() == "Grüße"


def test_knows_when_there_is_none(tmp_path: Path) -> None:
    assert find_mail(tmp_path, email(SENT, attempt(3, 4, response="250 queued"))) is None
    assert find_mail(tmp_path, email(SENT, attempt(3, 4, response="kept as gone.eml"))) is None
