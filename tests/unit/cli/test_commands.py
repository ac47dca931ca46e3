"""What each command asks, and how it shows the answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from cli.commands import tracking
from cli.configuration import Configuration, write_configuration
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_inbox import added, closing, item, opened, snapshot
from tests.unit.cli.fake_server import FakeServer, Refusal
from tests.unit.cli.notifications import at
from tidings.access.v1 import access_service_pb2 as access
from tidings.common.v1.authorization_pb2 import Scope
from tidings.common.v1.channel_pb2 import Channel
from tidings.common.v1.priority_pb2 import Priority
from tidings.dispatch.v1 import dead_letter_service_pb2 as dead_letter
from tidings.dispatch.v1 import webhook_service_pb2 as webhook
from tidings.inbox.v1 import inbox_service_pb2 as inbox
from tidings.inbox.v1.inbox_item_pb2 import InboxCounts
from tidings.inbox.v1.inbox_stream_service_pb2 import ClosingReason
from tidings.ingestion.v1.ingestion_service_pb2 import SendNotificationResponse
from tidings.ingestion.v1.notification_pb2 import NotificationState
from tidings.internal.access.v1 import tenant_service_pb2 as tenant
from tidings.internal.tracking.v1 import rebuild_service_pb2 as rebuilds
from tidings.preference.v1 import category_service_pb2 as category
from tidings.preference.v1 import preference_service_pb2 as preference
from tidings.preference.v1 import recipient_service_pb2 as recipient
from tidings.template.v1 import template_service_pb2 as template
from tidings.template.v1.content_pb2 import EmailContent, RenderedContent

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


def test_recipients(tidings: Run, server: FakeServer) -> None:
    alice = recipient.Recipient(
        recipient_id="alice", emails=["a@example.com"], locale="en-GB", time_zone="Europe/London"
    )
    server.on("UpsertRecipient", recipient.UpsertRecipientResponse(recipient=alice))
    server.on("GetRecipient", recipient.GetRecipientResponse(recipient=alice))
    put = tidings(
        "recipients", "put", "alice", "--email", "a@example.com", "--phone", "+4915112345678",
        "--locale", "en-GB", "--zone", "Europe/London",
    )  # fmt: skip
    assert put.stdout == "recipient alice stored\n"
    stored = server.requests[0].recipient
    assert (stored.emails, stored.phone_numbers) == (["a@example.com"], ["+4915112345678"])
    assert (stored.locale, stored.time_zone) == ("en-GB", "Europe/London")
    assert "a@example.com" in tidings("recipients", "get", "alice").stdout


def pages(method: Any, total: int) -> Any:
    """Answers a List of recipients as a server does: page by page, tokens are offsets."""

    def answer(request: Any) -> Any:
        size, start = request.page_size or 50, int(request.page_token or 0)
        end = min(start + size, total)
        found = [recipient.Recipient(recipient_id=f"r{number}") for number in range(start, end)]
        return method(recipients=found, next_page_token=str(end) if end < total else "")

    return answer


@pytest.mark.parametrize(
    ("limit", "shown", "calls", "token"),
    [
        ("100", 100, 1, "100"),
        ("250", 250, 2, "250"),  # 200 + 50
        ("1000", 450, 3, ""),  # 200 + 200 + 50
    ],
)
def test_lists_are_read_page_by_page_up_to_the_limit(
    tidings: Run, server: FakeServer, limit: str, shown: int, calls: int, token: str
) -> None:
    server.on("ListRecipients", pages(recipient.ListRecipientsResponse, 450))
    result = tidings("recipients", "list", "--limit", limit, "-o", "json")
    answer = json.loads(result.stdout)
    assert len(answer["recipients"]) == shown
    assert answer["next_page_token"] == token
    assert len(server.requests) == calls


def test_a_list_that_was_cut_says_how_to_go_on(tidings: Run, server: FakeServer) -> None:
    server.on("ListRecipients", pages(recipient.ListRecipientsResponse, 3))
    result = tidings("recipients", "list", "--limit", "2")
    assert "--page-token 2" in result.stderr
    rest = tidings("recipients", "list", "--page-token", "2")
    assert rest.stdout.splitlines()[1:] == ["r2                       -"]
    assert rest.stderr == ""


def test_categories(tidings: Run, server: FakeServer) -> None:
    server.on("UpsertCategory", category.UpsertCategoryResponse())
    tidings(
        "categories", "put", "order.shipped", "--class", "transactional", "--channel", "email",
        "--channel", "in_app", "--priority", "low", "--ttl", "12h", "--guarantee", "at-most-once",
    )  # fmt: skip
    sent = server.requests[0].category
    assert sent.category_class == category.CATEGORY_CLASS_TRANSACTIONAL
    assert list(sent.channels) == [Channel.CHANNEL_EMAIL, Channel.CHANNEL_IN_APP]
    assert sent.priority == Priority.PRIORITY_LOW
    assert sent.ttl == Duration(seconds=43_200)
    assert sent.guarantee == category.GUARANTEE_AT_MOST_ONCE


@pytest.mark.parametrize(
    ("flag", "choice"),
    [
        ("--on", preference.PREFERENCE_CHOICE_ENABLED),
        ("--off", preference.PREFERENCE_CHOICE_DISABLED),
        ("--clear", preference.PREFERENCE_CHOICE_UNSPECIFIED),
    ],
)
def test_preferences(
    tidings: Run, server: FakeServer, flag: str, choice: preference.PreferenceChoice.ValueType
) -> None:
    off = preference.Preference(choice=preference.PREFERENCE_CHOICE_DISABLED)
    server.on("UpdatePreferences", preference.UpdatePreferencesResponse(preferences=[off]))
    result = tidings("preferences", "set", "alice", "--channel", "email", flag)
    (asked,) = server.requests[0].preferences
    assert (asked.category, asked.channel, asked.choice) == ("", Channel.CHANNEL_EMAIL, choice)
    assert result.stdout.splitlines() == [
        "CATEGORY  CHANNEL  WANTED",
        "(every)   (every)  off",
    ]


def test_dead_letters(tidings: Run, server: FakeServer) -> None:
    letters = [
        dead_letter.DeadLetter(
            dead_letter_id="d1",
            reason=dead_letter.DEAD_LETTER_REASON_POISON,
            detail="died of it\n3 times",
            delivery_id="v1",
            notification_id="n1",
            channel=Channel.CHANNEL_EMAIL,
            body_size=321,
            create_time=at(0),
        ),
        dead_letter.DeadLetter(
            dead_letter_id="d2",
            reason=dead_letter.DEAD_LETTER_REASON_UNREADABLE,
            detail="not a message",
            body_size=5,
            create_time=at(0),
        ),
    ]
    server.on(
        "ListDeadLetters",
        dead_letter.ListDeadLettersResponse(dead_letters=letters, next_page_token="more"),
    )
    result = tidings("dead-letters", "list", "--limit", "2")
    assert result.stdout.splitlines() == [
        "LETTER  TIME                     REASON      CHANNEL  NOTIFICATION  SIZE   DETAIL",
        "d1      2026-10-30 09:41:03 UTC  poison      email    n1            321 B  died of it 3 times",
        "d2      2026-10-30 09:41:03 UTC  unreadable  -        -             5 B    not a message",
    ]
    assert "--page-token more" in result.stderr
    assert server.requests[0].page_size == 2


def test_dead_letters_of_a_reason_and_a_channel(tidings: Run, server: FakeServer) -> None:
    server.on("ListDeadLetters", dead_letter.ListDeadLettersResponse())
    tidings("dead-letters", "list", "--reason", "poison", "--channel", "webhook")
    (request,) = server.requests
    assert request.reason == dead_letter.DEAD_LETTER_REASON_POISON
    assert request.channel == Channel.CHANNEL_WEBHOOK


def test_webhook_secrets_print_and_nothing_else_on_stdout(tidings: Run, server: FakeServer) -> None:
    new = webhook.WebhookSecret(secret="whsec_new")
    old = webhook.WebhookSecret(secret="whsec_old", expire_time=at(0))
    server.on("GetWebhookSecrets", webhook.GetWebhookSecretsResponse(secrets=[new, old]))
    result = tidings("webhooks", "secrets", "alice")
    assert result.stdout == "whsec_new\nwhsec_old\n"
    assert "signs until 2026-10-30 09:41:03 UTC" in result.stderr
    assert server.requests[0].recipient_id == "alice"


def test_webhook_secrets_rotate_once_however_often_they_are_asked_to(
    tidings: Run, server: FakeServer
) -> None:
    server.on("RotateWebhookSecrets", webhook.RotateWebhookSecretsResponse(overlap_end_time=at(0)))
    result = tidings("webhooks", "rotate", "--overlap", "2h")
    assert result.stdout == "rotated; the secrets of before sign until 2026-10-30 09:41:03 UTC\n"
    tidings("webhooks", "rotate")
    first, second = server.requests
    assert first.overlap == Duration(seconds=7_200)
    assert first.request_id
    assert first.request_id != second.request_id
    assert not second.HasField("overlap")


def test_keys_prints_the_secret_and_nothing_else_on_stdout(
    tidings: Run, server: FakeServer
) -> None:
    key = access.ApiKey(key_id="k1", scopes=[Scope.SCOPE_NOTIFICATIONS_SEND])
    server.on("CreateApiKey", access.CreateApiKeyResponse(api_key=key, secret="tdg_secret"))
    result = tidings(
        "keys", "create", "--scope", "notifications:send", "--scope", "ADMIN", "--ttl", "90d"
    )
    assert result.stdout == "tdg_secret\n"
    assert "k1 may notifications:send" in result.stderr
    request = server.requests[0]
    assert list(request.scopes) == [Scope.SCOPE_NOTIFICATIONS_SEND, Scope.SCOPE_ADMIN]
    assert request.ttl.seconds == 90 * 86_400


def test_keys_are_listed_with_their_state(tidings: Run, server: FakeServer) -> None:
    keys = [
        access.ApiKey(key_id="k1", prefix="tdg_a", display_name="shop"),
        access.ApiKey(key_id="k2", prefix="tdg_b", display_name="old", revoke_time=at(0)),
    ]
    server.on("ListApiKeys", access.ListApiKeysResponse(api_keys=keys))
    lines = tidings("keys", "list").stdout.splitlines()
    assert lines[1].split()[:3] == ["k1", "tdg_a", "valid"]
    assert lines[2].split()[:3] == ["k2", "tdg_b", "revoked"]


def test_tokens_prints_the_token_and_nothing_else_on_stdout(
    tidings: Run, server: FakeServer
) -> None:
    response = access.IssueRecipientTokenResponse(token="a.b.c", expire_time=at(0))
    server.on("IssueRecipientToken", response)
    result = tidings("tokens", "issue", "alice", "--ttl", "10m")
    assert result.stdout == "a.b.c\n"
    assert server.requests[0].ttl.seconds == 600


def test_inbox_read_tells_which_items_are_not_there(tidings: Run, server: FakeServer) -> None:
    response = inbox.MarkReadResponse(items=[item("i1", 1)], counts=InboxCounts(total=2, unread=1))
    server.on("MarkRead", response)
    result = tidings("inbox", "read", "alice", "i1", "i2", "i1")
    assert server.requests[0].item_ids == ["i1", "i2"]
    assert result.stdout.splitlines() == ["read  i1  Title of i1", "1 unread of 2"]
    assert result.stderr == "i2 is not in this inbox\n"


@pytest.mark.parametrize(
    ("items", "sentence"),
    [(("i1",), "i1 is not in this inbox"), (("i1", "i2"), "i1, i2 are not in this inbox")],
)
def test_inbox_read_fails_when_none_is_there(
    tidings: Run, server: FakeServer, items: tuple[str, ...], sentence: str
) -> None:
    server.on("MarkRead", inbox.MarkReadResponse(counts=InboxCounts(total=2, unread=1)))
    result = tidings("inbox", "read", "alice", *items)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(f"error: {sentence}\n")


@pytest.fixture
def hello(elsewhere: Path) -> Path:
    folder = elsewhere / "hello"
    (folder / "in_app").mkdir(parents=True)
    (folder / "template.toml").touch()
    (folder / "in_app" / "title.txt").write_text("Hello")
    return folder


def test_templates_put_creates_and_publishes(tidings: Run, server: FakeServer, hello: Path) -> None:
    draft = template.Template(name="hello", etag="e1")
    server.on("CreateTemplate", template.CreateTemplateResponse(template=draft))
    server.on("PublishTemplate", template.PublishTemplateResponse(version=1))
    result = tidings("templates", "put", str(hello))
    assert result.stdout == "hello version 1 published\n"
    created, published = server.requests
    assert created.content.in_app.title == "Hello"
    assert (published.name, published.etag) == ("hello", "e1")


def test_templates_put_replaces_a_draft_and_tells_when_nothing_changed(
    tidings: Run, server: FakeServer, hello: Path
) -> None:
    exists = Refusal(grpc.StatusCode.ALREADY_EXISTS, "it exists", "TEMPLATE_ALREADY_EXISTS")
    draft = template.Template(name="hello", etag="e2", latest_version=4)
    server.on("CreateTemplate", exists)
    server.on("UpdateTemplate", template.UpdateTemplateResponse(template=draft))
    server.on("PublishTemplate", template.PublishTemplateResponse(version=4))
    result = tidings("templates", "put", str(hello.parent), "-o", "json")
    assert json.loads(result.stdout) == {
        "templates": [{"name": "hello", "version": 4, "changed": False}]
    }


def test_templates_put_sends_nothing_when_a_folder_is_wrong(
    tidings: Run, server: FakeServer, hello: Path
) -> None:
    (hello.parent / "wrong").mkdir()
    (hello.parent / "wrong" / "template.toml").touch()
    assert tidings("templates", "put", str(hello.parent)).exit_code == 2
    assert server.requests == []


def test_templates_preview(tidings: Run, server: FakeServer) -> None:
    content = RenderedContent(email=EmailContent(subject="Order 42", text="On its way\n"))
    server.on("PreviewTemplate", template.PreviewTemplateResponse(content=content))
    result = tidings(
        "templates", "preview", "order-shipped", "--channel", "email", "--var", "order=42"
    )
    assert result.stdout == "Subject: Order 42\n\nOn its way\n"
    assert dict(server.requests[0].variables) == {"order": 42.0}


@pytest.fixture
def stream(server: FakeServer) -> FakeServer:
    server.on(
        "IssueRecipientToken", access.IssueRecipientTokenResponse(token="t", expire_time=at(0))
    )
    server.frames = [
        opened(),
        snapshot("c2", item("b", 2), item("a", 1, read_time=at(0))),
        added("c3", item("c", 3, body="Body", action_url="https://example.com/")),
    ]
    return server


def test_watch_shows_the_oldest_first_and_then_what_comes(tidings: Run, stream: FakeServer) -> None:
    result = tidings("watch", "alice", "--count", "3", "--newest", "7", "--device", "d1")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == f"watching the inbox of alice at {stream.address}; Ctrl-C ends"
    assert [line.split()[2:] for line in (lines[1], lines[2], lines[5])] == [
        ["read", "Title", "of", "a"],
        ["new", "Title", "of", "b"],
        ["new", "Title", "of", "c"],
    ]
    assert "0 unread of 2" in lines[4]
    assert [line.strip() for line in lines[6:8]] == ["Body", "https://example.com/"]
    subscribed = stream.requests[-1]
    assert (subscribed.snapshot.max_items, subscribed.device_id) == (7, "d1")
    # The stream is opened as an app does it: with a recipient's token, for its own inbox.
    assert stream.credentials[-1] == "Bearer t"
    assert subscribed.recipient_id == ""


def test_watch_counts_again_after_a_burst(tidings: Run, stream: FakeServer) -> None:
    stream.frames += [added("c4", item("d", 4)), added("c5", item("e", 5))]
    lines = tidings("watch", "alice", "--timeout", "1.5").stdout.splitlines()
    counted = [line for line in lines if "unread of" in line]
    assert len(counted) == 2
    assert counted[0] == "0 unread of 2"
    assert lines[-1] == counted[1]


def test_watch_prints_a_line_of_json_per_event(tidings: Run, stream: FakeServer) -> None:
    result = tidings("watch", "alice", "--until-item", "c", "-o", "json")
    connected, first, change = map(json.loads, result.stdout.splitlines())
    assert connected["event"] == "connected"
    assert (first["event"], first["unseen"], first["cursor"]) == ("snapshot", ["b", "a"], "c2")
    assert (change["event"], change["change"], change["cursor"]) == ("item", "added", "c3")
    assert change["item"]["title"] == "Title of c"


def test_watch_fails_when_what_it_waits_for_does_not_come(tidings: Run, stream: FakeServer) -> None:
    result = tidings("watch", "alice", "--until-item", "z", "--timeout", "0.5")
    assert result.exit_code == 1
    assert "item z did not arrive within 0.5 s" in result.stderr
    # Without anything to wait for, time being up is a good end.
    assert tidings("watch", "alice", "--timeout", "0.5").exit_code == 0


def test_watch_ends_when_a_newer_one_takes_over(tidings: Run, stream: FakeServer) -> None:

    stream.frames.append(closing(ClosingReason.CLOSING_REASON_SUPERSEDED, reconnect=False))
    result = tidings("watch", "alice")
    assert result.exit_code == 1
    assert "a newer watch of this installation took over" in result.stderr


def test_watch_tells_a_wrong_key_before_anything(tidings: Run, server: FakeServer) -> None:
    server.on(
        "IssueRecipientToken",
        Refusal(grpc.StatusCode.PERMISSION_DENIED, "lacks tokens:issue", "SCOPE_MISSING"),
    )
    result = tidings("watch", "alice")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "lacks tokens:issue" in result.stderr


def test_a_rebuild_is_begun_and_followed_to_its_end(
    tidings: Run, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "_LOOK_S", 0)
    ended = rebuilds.Rebuild(state=rebuilds.REBUILD_STATE_DONE, deliveries=12_345)
    for field in (ended.first_time, ended.position_time, ended.last_time):
        field.FromSeconds(1_790_000_000)
    begun = rebuilds.Rebuild(state=rebuilds.REBUILD_STATE_RUNNING)
    begun.update_time.FromSeconds(1_790_000_000)
    server.on("StartRebuild", rebuilds.StartRebuildResponse(rebuild=begun))
    server.on("GetRebuild", rebuilds.GetRebuildResponse(rebuild=ended))
    result = tidings("tracking", "rebuild", "--from-nothing", *_operator(server))
    assert result.stdout.startswith("done: 12,345 deliveries, up to those accepted ")
    assert "is dispatch away?" in result.stderr
    start, _ = server.requests
    assert start.from_nothing


def test_where_there_was_no_rebuild_it_says_so(tidings: Run, server: FakeServer) -> None:
    server.on("GetRebuild", rebuilds.GetRebuildResponse())
    result = tidings("tracking", "progress", *_operator(server))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "there was no rebuild yet" in result.stderr


def test_a_rebuild_is_stopped(tidings: Run, server: FakeServer) -> None:
    stopped = rebuilds.Rebuild(state=rebuilds.REBUILD_STATE_STOPPED, deliveries=7)
    server.on("StopRebuild", rebuilds.StopRebuildResponse(rebuild=stopped))
    assert tidings("tracking", "stop", *_operator(server)).stdout == "stopped: 7 deliveries\n"


def _operator(server: FakeServer) -> tuple[str, ...]:
    return ("--internal-address", server.address, "--cluster-secret", "secret")


def test_tenants_print_the_secret_of_their_first_key(tidings: Run, server: FakeServer) -> None:

    server.on("CreateTenant", tenant.CreateTenantResponse())
    server.on("CreateAdminKey", tenant.CreateAdminKeyResponse(secret="tdg_first"))
    result = tidings(
        "tenants", "create", "acme", "--name", "Acme", "--internal-address", server.address,
        "--cluster-secret", "secret",
    )  # fmt: skip
    assert result.stdout == "tdg_first\n"
    created, key = server.requests
    assert (created.tenant_id, created.display_name) == ("acme", "Acme")
    assert key.tenant_id == "acme"
