"""What each command asks that has no file of its own, and how it shows the answer."""

from __future__ import annotations

import json
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_inbox import item
from tests.unit.cli.fake_server import FakeServer, Refusal
from tests.unit.cli.notifications import at, notification
from tidings.access.v1 import access_service_pb2 as access
from tidings.common.v1.authorization_pb2 import Scope
from tidings.common.v1.channel_pb2 import Channel
from tidings.common.v1.priority_pb2 import Priority
from tidings.dispatch.v1 import dead_letter_service_pb2 as dead_letter
from tidings.dispatch.v1 import webhook_service_pb2 as webhook
from tidings.inbox.v1 import inbox_service_pb2 as inbox
from tidings.inbox.v1.inbox_item_pb2 import InboxCounts
from tidings.ingestion.v1.ingestion_service_pb2 import GetNotificationResponse
from tidings.ingestion.v1.notification_pb2 import NotificationState
from tidings.internal.access.v1 import tenant_service_pb2 as tenant
from tidings.preference.v1 import category_service_pb2 as category
from tidings.preference.v1 import preference_service_pb2 as preference
from tidings.preference.v1 import recipient_service_pb2 as recipient
from tidings.preference.v1.channel_decision_pb2 import ChannelDecisionReason


def test_recipients(tidings: Run, server: FakeServer) -> None:
    alice = recipient.Recipient(
        recipient_id="alice", emails=["a@example.com"], locale="en-GB", time_zone="Europe/London"
    )
    server.on("UpsertRecipient", recipient.UpsertRecipientResponse(recipient=alice))
    server.on("GetRecipient", recipient.GetRecipientResponse(recipient=alice))
    put = tidings(
        "recipients", "put", "alice", "--emails", "a@example.com", "--phone-numbers", "+4915112345678",
        "--locale", "en-GB", "--time-zone", "Europe/London",
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


SECRET = webhook.WebhookSecret(secret="whsec_new")


def test_webhook_secrets_print_and_nothing_else_on_stdout(tidings: Run, server: FakeServer) -> None:
    old = webhook.WebhookSecret(secret="whsec_old", expire_time=at(0))
    server.on("GetRecipient", recipient.GetRecipientResponse())
    server.on("GetWebhookSecrets", webhook.GetWebhookSecretsResponse(secrets=[SECRET, old]))
    result = tidings("webhooks", "secrets", "alice")
    assert result.stdout == "whsec_new\nwhsec_old\n"
    assert "signs until 2026-10-30 09:41:03 UTC" in result.stderr
    assert [request.recipient_id for request in server.requests] == ["alice", "alice"]


def test_webhook_secrets_of_nobody_are_none(tidings: Run, server: FakeServer) -> None:
    nobody = Refusal(grpc.StatusCode.NOT_FOUND, "there is no nobody", "RECIPIENT_NOT_FOUND")
    server.on("GetRecipient", nobody)
    server.on("GetWebhookSecrets", webhook.GetWebhookSecretsResponse(secrets=[SECRET]))
    result = tidings("webhooks", "secrets", "nobody")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "reason: RECIPIENT_NOT_FOUND" in result.stderr


def test_webhook_secrets_are_told_to_a_key_that_may_not_read_recipients(
    tidings: Run, server: FakeServer
) -> None:
    blind = Refusal(grpc.StatusCode.PERMISSION_DENIED, "lacks it", "SCOPE_MISSING")
    server.on("GetRecipient", blind)
    server.on("GetWebhookSecrets", webhook.GetWebhookSecretsResponse(secrets=[SECRET]))
    assert tidings("webhooks", "secrets", "alice").stdout == "whsec_new\n"


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


def test_a_notification_that_reaches_nobody_leads_to_the_reasons(
    tidings: Run, server: FakeServer
) -> None:
    shown = notification(decisions=[ChannelDecisionReason.CHANNEL_DECISION_REASON_NO_CONTACT_POINT])
    shown.state = NotificationState.NOTIFICATION_STATE_SUPPRESSED
    server.on("GetNotification", GetNotificationResponse(notification=shown))
    result = tidings("get", "01982f3e-0000-7000-8000-000000000001")
    assert " recipients get alice` shows where it can be reached" in result.stderr


def test_an_endpoint_that_is_gone_is_shown_with_what_opens_it(
    tidings: Run, server: FakeServer
) -> None:
    gone = recipient.Recipient(recipient_id="alice", webhook_url="https://example.com/hook")
    server.on("GetRecipient", recipient.GetRecipientResponse(recipient=gone))
    assert "410" not in tidings("recipients", "get", "alice").stdout
    gone.webhook_gone_time.CopyFrom(at(0))
    server.on("GetRecipient", recipient.GetRecipientResponse(recipient=gone))
    shown = tidings("recipients", "get", "alice").stdout
    assert "gone: it answered 410 at 2026-10-30 09:41:03 UTC" in shown
