"""What `tidings send` asks, how often, and how it shows the answer."""

from __future__ import annotations

import json
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from cli.configuration import Configuration, write_configuration
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_server import FakeServer, Refusal
from tests.unit.cli.notifications import at
from tidings.common.v1.channel_pb2 import Channel
from tidings.common.v1.priority_pb2 import Priority
from tidings.ingestion.v1.ingestion_service_pb2 import SendNotificationResponse
from tidings.ingestion.v1.notification_pb2 import NotificationState
from tidings.template.v1 import template_service_pb2 as template

ACCEPTED = SendNotificationResponse(
    notification_id="n1", revision=1, state=NotificationState.NOTIFICATION_STATE_ACCEPTED
)
SEND = ("send", "--to", "alice", "--template", "order-shipped", "--category", "order.shipped")
AWAY = Refusal(grpc.StatusCode.UNAVAILABLE, "away", "DEPENDENCY_UNAVAILABLE", retry_after=0.01)


def test_send_carries_all_that_was_given(tidings: Run, server: FakeServer) -> None:
    server.on("SendNotification", ACCEPTED)
    result = tidings(
        *SEND, "--version", "3", "--var", "order=42", "--string", "code=007", "--channel", "email",
        "--channel", "in_app", "--priority", "high", "--meta", "shop=corner", "--request-id", "r1",
    )  # fmt: skip
    assert result.exit_code == 0
    assert result.stdout == "accepted n1\n"
    (request,) = server.requests
    assert request.request_id == "r1"
    assert request.recipient_id == "alice"
    assert request.category == "order.shipped"
    assert (request.template.name, request.template.version) == ("order-shipped", 3)
    assert dict(request.template.variables) == {"order": 42.0, "code": "007"}
    assert list(request.channels) == [Channel.CHANNEL_EMAIL, Channel.CHANNEL_IN_APP]
    assert request.priority == Priority.PRIORITY_HIGH
    assert dict(request.metadata) == {"shop": "corner"}


def test_send_carries_when_how_long_and_what_it_is_the_latest_word_on(
    tidings: Run, server: FakeServer
) -> None:
    scheduled = SendNotificationResponse(
        notification_id="n1",
        revision=1,
        state=NotificationState.NOTIFICATION_STATE_SCHEDULED,
        estimated_delivery_time=at(0),
    )
    server.on("SendNotification", scheduled)
    result = tidings(
        *SEND, "--at", "2026-10-30T10:41:03+01:00", "--ttl", "12h", "--collapse-key", "order-42"
    )
    assert result.stdout == "scheduled n1 for 2026-10-30 09:41:03 UTC\n"
    # A time of day would mislead about another day.
    assert "expected" not in result.stderr
    (request,) = server.requests
    assert request.send_time == at(0)
    assert request.ttl == Duration(seconds=43_200)
    assert request.collapse_key == "order-42"


def test_send_leaves_unset_what_was_not_given(tidings: Run, server: FakeServer) -> None:
    server.on("SendNotification", ACCEPTED)
    tidings(*SEND)
    (request,) = server.requests
    assert not request.HasField("send_time")
    assert not request.HasField("ttl")


def test_send_says_that_it_amended(tidings: Run, server: FakeServer) -> None:
    server.on(
        "SendNotification",
        SendNotificationResponse(
            notification_id="n1",
            revision=3,
            state=NotificationState.NOTIFICATION_STATE_ACCEPTED,
            replayed=True,
        ),
    )
    assert tidings(*SEND).stdout == (
        "accepted n1 (amended: revision 3) (this request id was answered before)\n"
    )


def test_send_prints_json_with_the_contracts_field_names(tidings: Run, server: FakeServer) -> None:
    server.on("SendNotification", ACCEPTED)
    result = tidings(*SEND, "--output", "json")
    assert json.loads(result.stdout) == {
        "notification_id": "n1",
        "revision": 1,
        "state": "NOTIFICATION_STATE_ACCEPTED",
        "replayed": False,
    }
    assert result.stderr == ""


def test_send_takes_the_category_that_the_file_gives_to_the_template(
    tidings: Run, server: FakeServer, elsewhere: Path
) -> None:
    file = elsewhere / "cli.toml"
    write_configuration(file, Configuration(categories={"order-shipped": "order.shipped"}))
    server.on("SendNotification", ACCEPTED)
    send = ("send", "--to", "alice", "--config", str(file), "--template")
    assert tidings(*send, "order-shipped").exit_code == 0
    assert server.requests[0].category == "order.shipped"


@pytest.mark.parametrize(
    "answer",
    [
        template.GetTemplateResponse(template=template.Template(name="other")),
        Refusal(grpc.StatusCode.PERMISSION_DENIED, "lacks templates:read", "SCOPE_MISSING"),
    ],
)
def test_send_asks_for_the_category_that_nobody_has_given(
    tidings: Run, server: FakeServer, answer: Message | Refusal
) -> None:
    server.on("GetTemplate", answer)
    refused = tidings("send", "--to", "alice", "--template", "other")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("error: the category of template other is not known\n")
    assert "--category NAME" in refused.stderr
    assert "[categories] in .tidings/cli.toml" in refused.stderr


def test_send_says_that_there_is_no_such_template_before_it_asks_for_a_category(
    tidings: Run, server: FakeServer
) -> None:
    sentence = "there is no template order-shiped"
    server.on("GetTemplate", Refusal(grpc.StatusCode.NOT_FOUND, sentence, "TEMPLATE_NOT_FOUND"))
    refused = tidings("send", "--to", "alice", "--template", "order-shiped", "--version", "3")
    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"error: {sentence}\n")
    assert "`tidings templates list`" in refused.stderr
    assert "category" not in refused.stderr
    (request,) = server.requests
    assert (request.name, request.version) == ("order-shiped", 3)


def test_send_repeats_itself_with_one_request_id(tidings: Run, server: FakeServer) -> None:
    server.on("SendNotification", AWAY, AWAY, ACCEPTED)
    result = tidings(*SEND)
    assert result.exit_code == 0
    assert len(server.requests) == 3
    assert len({request.request_id for request in server.requests}) == 1
    assert "away; trying for 10 s" in result.stderr


def test_send_gives_up_in_time_and_says_how_to_go_on(tidings: Run, server: FakeServer) -> None:
    server.on("SendNotification", AWAY)
    result = tidings(*SEND, "--within", "0.3", "--request-id", "r1")
    assert result.exit_code == 1
    assert "--request-id r1" in result.stderr
    assert "--at" not in result.stderr


def test_repeating_by_hand_names_the_same_moment(tidings: Run, server: FakeServer) -> None:
    server.on("SendNotification", AWAY)
    result = tidings(*SEND, "--within", "0.3", "--request-id", "r1", "--at", "in 15m")
    moment = server.requests[0].send_time.ToJsonString()
    assert f"--request-id r1 --at {moment};" in result.stderr


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(grpc.StatusCode.INVALID_ARGUMENT, "no", "RECIPIENT_NOT_FOUND"),
        Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "no", "REQUEST_TOO_LARGE"),
    ],
)
def test_send_does_not_repeat_what_will_not_pass(
    tidings: Run, server: FakeServer, refusal: Refusal
) -> None:
    server.on("SendNotification", refusal)
    assert tidings(*SEND).exit_code == 1
    assert len(server.requests) == 1
