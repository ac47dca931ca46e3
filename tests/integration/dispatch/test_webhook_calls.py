"""What a webhook's receiver gets, and what its answer means."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from standardwebhooks.webhooks import Webhook as Verifier

from services.dispatch.domain.models import Outcome
from services.dispatch.domain.webhooks import show_secret
from tests.integration.dispatch.webhook_calls import SECRETS, TRACEPARENT, answered, call, provider
from tests.support.receiver import (
    Authority,
    open_receiver,
    status,
)


async def test_a_receiver_can_verify_what_it_gets() -> None:
    async with open_receiver(status(204)) as receiver:
        attempt = await call(f"http://hook.example:{receiver.port}/in?a=b")
    (request,) = receiver.requests
    assert (attempt.outcome, attempt.response) == (Outcome.ACCEPTED, "204")
    assert (request.method, request.target) == ("POST", "/in?a=b")
    assert request.headers["host"] == f"hook.example:{receiver.port}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == str(UUID(int=7))
    assert request.headers["traceparent"] == TRACEPARENT
    assert not {"cookie", "authorization", "accept-encoding"} & set(request.headers)
    for secret in SECRETS:
        told = Verifier(show_secret(secret)).verify(request.body, request.headers)
        assert told["data"] == {"order": 42}


async def test_tls_is_with_the_name_and_not_with_the_address(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    through = provider(ca_file=str(authority.file))
    async with open_receiver(status(200), tls=authority.server("hook.example")) as receiver:
        attempt = await call(f"https://hook.example:{receiver.port}/", through)
    assert attempt.outcome is Outcome.ACCEPTED
    assert receiver.server_names == ["hook.example"]
    async with open_receiver(status(200), tls=authority.server("127.0.0.1")) as receiver:
        attempt = await call(f"https://127.0.0.1:{receiver.port}/", through)
    assert attempt.outcome is Outcome.ACCEPTED


async def test_a_certificate_must_be_good(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    for tls, trusted, says in (
        (authority.server("other.example"), str(authority.file), "not valid for 'hook.example'"),
        (authority.server("hook.example", expired=True), str(authority.file), "expired"),
        (authority.server("hook.example"), "", "unable to get local issuer certificate"),
    ):
        async with open_receiver(status(200), tls=tls) as receiver:
            attempt = await call(
                f"https://hook.example:{receiver.port}/", provider(ca_file=trusted)
            )
        assert (attempt.outcome, attempt.may_have_left) == (Outcome.TRANSIENT, False)
        assert says in attempt.response
        assert receiver.requests == []


async def test_tls_to_a_server_without_it_sends_nothing() -> None:
    async with open_receiver(status(200)) as receiver:
        attempt = await call(f"https://hook.example:{receiver.port}/", within=1)
    assert (attempt.outcome, attempt.may_have_left) == (Outcome.TRANSIENT, False)
    assert receiver.requests == []


@pytest.mark.parametrize("code", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(code: int) -> None:
    async with open_receiver(status(200)) as other:
        location = f"Location: http://hook.example:{other.port}/"
        attempt, _ = await answered(status(code, location))
    assert attempt.outcome is Outcome.PERMANENT
    assert other.connections == 0


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_receiver(status(200)) as proxy:
        for key in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(key, f"http://127.0.0.1:{proxy.port}")
        attempt, _ = await answered(status(200))
    assert attempt.outcome is Outcome.ACCEPTED
    assert proxy.connections == 0


async def test_a_receiver_that_asks_to_wait_is_heard() -> None:
    attempt, _ = await answered(status(429, "Retry-After: 120", body=b"slow\r\n down\x1b[31m"))
    assert attempt.outcome is Outcome.THROTTLED
    assert attempt.retry_after is not None
    assert attempt.retry_after.total_seconds() == 120
    assert attempt.response == "429 slow down[31m"


async def test_gone_is_gone() -> None:
    attempt, _ = await answered(status(410, "Retry-After: 5"))
    assert (attempt.outcome, attempt.retry_after) == (Outcome.PERMANENT, None)
    assert attempt.endpoint_gone
    for code in (200, 404, 500):
        attempt, _ = await answered(status(code))
        assert not attempt.endpoint_gone


async def test_nobody_there() -> None:
    async with open_receiver(status(200)) as receiver:
        port = receiver.port
    attempt = await call(f"http://hook.example:{port}/")
    assert (attempt.outcome, attempt.may_have_left) == (Outcome.TRANSIENT, False)
    assert attempt.response == "no connection"
