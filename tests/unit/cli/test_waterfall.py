"""The drawing: width, bars, words, and terminals without colour or line characters."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from cli.waterfall import draw
from tests.unit.cli.notifications import ACCEPTED, at, attempt, email, in_app, notification
from tidings.dispatch.v1.delivery_pb2 import AttemptOutcome, DeliveryState
from tidings.ingestion.v1.notification_pb2 import Notification
from tidings.preference.v1.channel_decision_pb2 import ChannelDecisionReason

BAR = "\N{BOX DRAWINGS HEAVY HORIZONTAL}"


def drawn(subject: Notification, *, width: int = 80, encoding: str = "utf-8") -> list[str]:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
    draw(subject, Console(file=file, width=width))
    file.seek(0)
    return file.read().splitlines()


def the_usual() -> Notification:
    return notification(
        email(
            DeliveryState.DELIVERY_STATE_SENT,
            attempt(16, 40, response="250 2.0.0 kept as 20261030T094103Z.eml"),
        ),
        in_app(),
        decisions=[
            ChannelDecisionReason.CHANNEL_DECISION_REASON_SELECTED,
            ChannelDecisionReason.CHANNEL_DECISION_REASON_DISABLED_BY_RECIPIENT,
        ],
    )


def test_the_whole_picture_at_eighty_columns() -> None:
    assert drawn(the_usual()) == [
        "notification 01982f3e-0000-7000-8000-000000000001  planned",
        "  to        alice",
        "  about     order.shipped",
        "  template  order-shipped version 3",
        "  priority  normal",
        "  channels  as preferred",
        "  accepted  2026-10-30 09:41:03 UTC",
        "  trace     4bf92f3577b34da6a3ce929d0e0e4736",
        "  order     42",
        "",
        "  email     used",
        "  email     not used: the recipient switched it off",
        "",
        f"{'after acceptance':>79}",
        f"  accepted                {BAR:<41}      0.0 ms",
        f"  planned                 {BAR * 9:<41}      8.0 ms",
        "",
        "email  alice@example.com  sent",
        f"  claimed                 {' ' * 8 + BAR * 5:<41}       12 ms",
        f"  rendered                {' ' * 12 + BAR * 4:<41}       15 ms",
        f"  sent by smtp            {' ' * 16 + BAR * 25:<41}       40 ms",
        "    250 2.0.0 kept as 20261030T094103Z.eml",
        "",
        "in_app  alice  sent",
        f"  claimed                 {' ' * 8 + BAR * 5:<41}       12 ms",
        f"  rendered                {' ' * 12 + BAR * 3:<41}       14 ms",
        f"  in the inbox            {' ' * 14 + BAR * 7:<41}       20 ms",
        f"  written to a stream     {' ' * 20 + BAR * 5:<41}       24 ms",
    ]


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_nothing_is_wider_than_the_terminal(width: int) -> None:
    assert max(len(line) for line in drawn(the_usual(), width=width)) <= width


def test_draws_without_line_characters_where_the_terminal_has_none() -> None:
    lines = drawn(the_usual(), encoding="ascii")
    assert any("=====" in line for line in lines)


def test_writes_no_colour_codes_into_a_file() -> None:
    assert "\x1b" not in "\n".join(drawn(the_usual()))


def test_words_of_others_cannot_steer_the_terminal() -> None:
    nasty = attempt(16, 20, AttemptOutcome.ATTEMPT_OUTCOME_PERMANENT, response="\x1b[2J550\rno")
    lines = drawn(notification(email(DeliveryState.DELIVERY_STATE_FAILED, nasty)))
    assert "\x1b" not in "\n".join(lines)
    assert any("[2J550" in line for line in lines)


def test_a_detail_is_shown_unless_the_provider_said_just_that() -> None:
    refusal = attempt(16, 20, AttemptOutcome.ATTEMPT_OUTCOME_PERMANENT, response="550 no such box")
    failed = DeliveryState.DELIVERY_STATE_FAILED
    lines = drawn(notification(email(failed, refusal, detail="550 no such box")))
    assert lines.count("    550 no such box") == 1
    lines = drawn(notification(email(failed, detail="does not render")))
    assert "    does not render" in lines


def test_says_when_a_part_was_away() -> None:
    assert "was away" in drawn(notification(complete=False))[-1]


def test_says_when_it_was_to_be_sent_and_what_amended_it() -> None:
    left = email(DeliveryState.DELIVERY_STATE_SENT, attempt(16, 40))
    left.revision = 1
    replaced = in_app()
    replaced.revision = 2
    amended = notification(left, replaced)
    amended.revision = 2
    amended.collapse_key = "order-42"
    amended.send_time.CopyFrom(at(0))
    lines = drawn(amended)
    assert lines[7:10] == [
        f"  send at   {ACCEPTED:%Y-%m-%d %H:%M:%S} UTC",
        "  collapse  order-42",
        "  revision  2",
    ]
    assert "email  alice@example.com  sent  (of revision 1)" in lines
    assert "in_app  alice  sent" in lines


def test_a_first_revision_at_once_needs_no_such_words() -> None:
    words = "\n".join(drawn(the_usual()))
    for absent in ("send at", "collapse", "revision"):
        assert absent not in words


def test_no_channel_at_all_is_said_in_a_sentence() -> None:
    reasons = [
        ChannelDecisionReason.CHANNEL_DECISION_REASON_NO_CONTACT_POINT,
        ChannelDecisionReason.CHANNEL_DECISION_REASON_ENDPOINT_GONE,
    ]
    lines = drawn(notification(decisions=reasons))
    assert "  email     not used: the recipient's endpoint there said that it is gone" in lines
    assert "  Nothing is sent: no channel is left." in lines
    assert "Nothing is sent" not in " ".join(drawn(the_usual()))
