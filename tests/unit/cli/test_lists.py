"""`tidings list` and `tidings deliveries`: what they ask and how they show it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_server import FakeServer
from tests.unit.cli.notifications import at, notification
from tidings.common.v1.channel_pb2 import Channel
from tidings.dispatch.v1.delivery_pb2 import DeliveryState
from tidings.ingestion.v1.ingestion_service_pb2 import ListNotificationsResponse
from tidings.ingestion.v1.notification_pb2 import NotificationState
from tidings.tracking.v1.fact_pb2 import Fact, FactType
from tidings.tracking.v1.report_service_pb2 import (
    CountDeliveriesResponse,
    CountInterval,
    DeliveryCount,
    DeliveryRecord,
    FactCount,
    ListDeliveriesResponse,
    StateCount,
)

SENT = DeliveryState.DELIVERY_STATE_SENT


def test_list_asks_with_every_filter_and_reads_on(tidings: Run, server: FakeServer) -> None:
    pages = [
        ListNotificationsResponse(notifications=[notification()], next_page_token="more"),
        ListNotificationsResponse(notifications=[notification()], next_page_token="end"),
    ]
    server.on("ListNotifications", *pages)
    options = ["--to", "alice", "--category", "order.shipped", "--state", "planned"]
    options += ["--state", "expired", "--since", "2h", "--until", "2026-10-30T09:00:00Z"]
    result = tidings("list", *options, "--limit", "201")
    assert result.exit_code == 0, result.output
    first, second = server.requests
    assert (first.recipient_id, first.category) == ("alice", "order.shipped")
    assert first.states == [
        NotificationState.NOTIFICATION_STATE_PLANNED,
        NotificationState.NOTIFICATION_STATE_EXPIRED,
    ]
    ago = datetime.now(UTC) - first.accept_time_from.ToDatetime(UTC)
    assert timedelta(hours=2) <= ago < timedelta(hours=2, minutes=1)
    assert first.accept_time_until.ToDatetime(UTC) == datetime(2026, 10, 30, 9, tzinfo=UTC)
    assert (second.page_token, second.page_size) == ("more", 1)
    assert result.stdout.count("planned") == 2
    assert "--page-token end" in result.stderr


def test_deliveries_list_shows_who_what_and_how_far(tidings: Run, server: FakeServer) -> None:
    record = DeliveryRecord(
        delivery_id="d1",
        notification_id="n1",
        recipient_id="alice",
        category="order.shipped",
        channel=Channel.CHANNEL_EMAIL,
        state=SENT,
        provider="smtp",
        attempts=2,
        accept_time=at(0),
    )
    server.on("ListDeliveries", ListDeliveriesResponse(deliveries=[record]))
    result = tidings("deliveries", "list", "--state", "sent", "--channel", "email")
    assert result.exit_code == 0, result.output
    (request,) = server.requests
    assert (request.channel, request.states) == (Channel.CHANNEL_EMAIL, [SENT])
    assert not request.HasField("accept_time_from")
    row = result.stdout.splitlines()[1].split()
    assert row[0] == "d1"
    assert row[4:] == ["sent", "email", "alice", "order.shipped", "smtp", "2", "n1"]


def test_deliveries_count_shows_states_and_facts(tidings: Run, server: FakeServer) -> None:
    count = DeliveryCount(
        start_time=at(0),
        category="order.shipped",
        channel=Channel.CHANNEL_IN_APP,
        template_name="order-shipped",
        states=[StateCount(state=SENT, count=7)],
        facts=[FactCount(type=FactType.FACT_TYPE_READ, count=3)],
    )
    server.on("CountDeliveries", CountDeliveriesResponse(counts=[count], truncated=True))
    result = tidings("deliveries", "count", "--by", "day", "--template", "order-shipped")
    assert result.exit_code == 0, result.output
    (request,) = server.requests
    assert request.interval == CountInterval.COUNT_INTERVAL_DAY
    assert request.template_name == "order-shipped"
    assert result.stdout.splitlines()[1].endswith("sent 7  read 3")
    assert "there is more" in result.stderr
    document = json.loads(tidings("deliveries", "count", "-o", "json").stdout)
    assert document["counts"][0]["facts"] == [{"type": "FACT_TYPE_READ", "count": "3"}]


def test_a_time_that_is_none_is_misuse(tidings: Run, server: FakeServer) -> None:
    result = tidings("list", "--since", "yesterday")
    assert result.exit_code == 2
    assert "how long ago" in " ".join(result.stderr.replace("\u2502", " ").split())
    assert server.requests == []


def test_get_shows_what_is_known_from_outside(tidings: Run, server: FakeServer) -> None:
    from tidings.ingestion.v1.ingestion_service_pb2 import GetNotificationResponse

    known = notification()
    known.facts.append(
        Fact(
            type=FactType.FACT_TYPE_READ,
            channel=Channel.CHANNEL_IN_APP,
            source="inbox",
            time=at(90_000),
        )
    )
    server.on("GetNotification", GetNotificationResponse(notification=known))
    result = tidings("get", "n1")
    assert "in_app    read 90.0 s after acceptance" in result.stdout
