"""`tidings cancel`: each way to name a notification, and what it did."""

from __future__ import annotations

import json

import pytest

from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_server import FakeServer
from tidings.common.v1.channel_pb2 import Channel
from tidings.ingestion.v1.ingestion_service_pb2 import (
    CancellationResult,
    CancelledDelivery,
    CancelNotificationRequest,
    CancelNotificationResponse,
    CollapseTarget,
)
from tidings.ingestion.v1.notification_pb2 import NotificationState

CANCELLED = CancelNotificationResponse(
    notification_id="n1",
    revision=2,
    state=NotificationState.NOTIFICATION_STATE_CANCELLED,
    deliveries=[
        CancelledDelivery(
            delivery_id="d1",
            channel=Channel.CHANNEL_EMAIL,
            result=CancellationResult.CANCELLATION_RESULT_IN_FLIGHT,
        ),
        CancelledDelivery(
            delivery_id="d2",
            channel=Channel.CHANNEL_IN_APP,
            result=CancellationResult.CANCELLATION_RESULT_LEFT,
        ),
        CancelledDelivery(
            delivery_id="d3",
            channel=Channel.CHANNEL_IN_APP,
            result=CancellationResult.CANCELLATION_RESULT_STOPPED,
        ),
    ],
)


@pytest.mark.parametrize(
    ("arguments", "request_"),
    [
        (("n1",), CancelNotificationRequest(notification_id="n1")),
        (("--request-id", "r1"), CancelNotificationRequest(request_id="r1")),
        (
            ("--to", "alice", "--collapse-key", "order-42"),
            CancelNotificationRequest(
                collapse=CollapseTarget(recipient_id="alice", collapse_key="order-42")
            ),
        ),
    ],
)
def test_asks_for_what_was_named(
    tidings: Run,
    server: FakeServer,
    arguments: tuple[str, ...],
    request_: CancelNotificationRequest,
) -> None:
    server.on("CancelNotification", CANCELLED)
    assert tidings("cancel", *arguments).exit_code == 0
    assert server.requests == [request_]


def test_says_what_it_did_to_each_delivery(tidings: Run, server: FakeServer) -> None:
    server.on("CancelNotification", CANCELLED)
    result = tidings("cancel", "n1")
    assert result.stdout.splitlines() == [
        "cancelled n1 (revision 2)",
        "DELIVERY  CHANNEL  RESULT",
        "d1        email    in flight",
        "d2        in_app   left",
        "d3        in_app   stopped",
    ]
    assert "`tidings get n1` will show" in result.stderr


def test_says_that_nothing_was_planned(tidings: Run, server: FakeServer) -> None:
    server.on(
        "CancelNotification",
        CancelNotificationResponse(
            notification_id="n1", revision=1, state=NotificationState.NOTIFICATION_STATE_CANCELLED
        ),
    )
    result = tidings("cancel", "n1")
    assert result.stdout == "cancelled n1\n"
    assert result.stderr == "nothing was planned yet, so nothing has left\n"


def test_says_that_it_had_ended_before(tidings: Run, server: FakeServer) -> None:
    server.on(
        "CancelNotification",
        CancelNotificationResponse(
            notification_id="n1", revision=1, state=NotificationState.NOTIFICATION_STATE_EXPIRED
        ),
    )
    result = tidings("cancel", "n1")
    assert result.stdout == "expired n1: it had ended before\n"
    assert result.stderr == ""


def test_prints_json(tidings: Run, server: FakeServer) -> None:
    server.on("CancelNotification", CANCELLED)
    result = tidings("cancel", "n1", "-o", "json")
    document = json.loads(result.stdout)
    assert document["state"] == "NOTIFICATION_STATE_CANCELLED"
    assert document["deliveries"][2] == {
        "delivery_id": "d3",
        "channel": "CHANNEL_IN_APP",
        "result": "CANCELLATION_RESULT_STOPPED",
    }
    assert result.stderr == ""
