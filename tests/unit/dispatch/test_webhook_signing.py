"""What a webhook says and how it is signed, judged by another's implementation."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.dispatch.domain.webhooks import derive_secret, payload, show_secret, sign

ROOT = bytes(range(32))
NOW = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)


def test_the_vector_of_the_standard() -> None:
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signature = sign([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_either_secret_verifies_during_a_rotation_and_a_third_does_not() -> None:
    new, old, stranger = (derive_secret(bytes([n]) * 32, "alice") for n in range(3))
    now = int(datetime.now(UTC).timestamp())
    body = payload("order.shipped", NOW, '{"order":42}')
    headers = {
        "webhook-id": "id",
        "webhook-timestamp": str(now),
        "webhook-signature": sign([new, old], "id", now, body),
    }
    for secret in (new, old):
        assert Webhook(show_secret(secret)).verify(body, headers)["data"] == {"order": 42}
    with pytest.raises(WebhookVerificationError):
        Webhook(show_secret(stranger)).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(show_secret(new)).verify(body + b" ", headers)


def test_each_recipient_has_a_secret_of_its_own() -> None:
    secrets = {derive_secret(ROOT, recipient) for recipient in ("alice", "bob", "ALICE")}
    assert {len(secret) for secret in secrets} == {32}
    assert len(secrets) == 3
    assert show_secret(derive_secret(ROOT, "alice")).startswith("whsec_")


def test_the_body_is_that_of_the_standard_and_data_stays_as_it_is() -> None:
    # A number that Python would write in another way.
    body = payload("order.shipped", NOW, '{"n":1.10,"s":"ü"}')
    assert b'"data":{"n":1.10,"s":"\xc3\xbc"}' in body
    assert json.loads(body) == {
        "type": "order.shipped",
        "timestamp": "2026-01-02T03:04:05.678Z",
        "data": {"n": 1.1, "s": "ü"},
    }
    elsewhere = NOW.astimezone(timezone(timedelta(hours=9)))
    assert payload("order.shipped", elsewhere, "1") == payload("order.shipped", NOW, "1")


def test_the_largest_body_is_below_what_receivers_take() -> None:
    data = json.dumps("a" * (16 * 1024 - 2))
    assert len(payload("c" * 128, NOW, data)) < 20_000
