"""Calls of real endpoints on loopback, good ones and bad ones, over real TLS."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path
from uuid import UUID

import pytest
from standardwebhooks.webhooks import Webhook as Verifier

from libs.clock import SystemClock
from libs.egress.connecting import GuardedDialer, SystemResolver, tls_context
from libs.egress.policy import EgressPolicy
from services.dispatch.channels.webhook import HttpWebhookProvider
from services.dispatch.domain.models import Attempt, Outcome, Webhook
from services.dispatch.domain.webhooks import derive_secret, payload, show_secret
from tests.support.receiver import (
    Answer,
    Authority,
    Received,
    Receiver,
    open_receiver,
    status,
)

LOOPBACK = (ip_network("127.0.0.0/8"),)
OPEN = EgressPolicy(allow_http=True, networks=LOOPBACK, ports=None)
# Loopback is closed, as on the internet.
CLOSED = EgressPolicy(allow_http=True, ports=None)
SECRETS = (derive_secret(b"new" * 11, "alice"), derive_secret(b"old" * 11, "alice"))
# How slow a receiver is that is to be endured; nobody waits for anything by it.
SLOWLY_S = 0.05
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Names:
    """A name server of the tests' own: answers per name in turn, the last one for ever."""

    def __init__(self, **answers: Sequence[list[str]]) -> None:
        self._answers = {name: list(turns) for name, turns in answers.items()}
        self.asked = 0

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked += 1
        turns = self._answers[host.split(".")[0]]
        return turns.pop(0) if len(turns) > 1 else turns[0]


def provider(
    policy: EgressPolicy = OPEN, names: Names | None = None, ca_file: str = ""
) -> HttpWebhookProvider:
    dialer = GuardedDialer(
        policy, resolve=names or Names(hook=[["127.0.0.1"]]), tls=tls_context(ca_file)
    )
    return HttpWebhookProvider(policy, dialer=dialer, clock=SystemClock())


async def call(
    url: str, through: HttpWebhookProvider | None = None, *, within: float = 5
) -> Attempt:
    webhook = Webhook(
        url=url,
        body=payload("order.shipped", SystemClock().now(), '{"order": 42}'),
        delivery_id=UUID(int=7),
        secrets=SECRETS,
        traceparent=TRACEPARENT,
    )
    deadline = asyncio.get_running_loop().time() + within
    return await (through or provider()).send(webhook, deadline=deadline)


async def answered(answer: Answer, *, within: float = 5) -> tuple[Attempt, Receiver]:
    async with open_receiver(answer) as receiver:
        return await call(f"http://hook.example:{receiver.port}/", within=within), receiver


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


async def test_nobody_there() -> None:
    async with open_receiver(status(200)) as receiver:
        port = receiver.port
    attempt = await call(f"http://hook.example:{port}/")
    assert (attempt.outcome, attempt.may_have_left) == (Outcome.TRANSIENT, False)
    assert attempt.response == "no connection"


async def test_a_name_that_is_none() -> None:
    async with SystemResolver(threads=1) as resolver:
        dialer = GuardedDialer(OPEN, resolve=resolver)
        through = HttpWebhookProvider(OPEN, dialer=dialer, clock=SystemClock())
        attempt = await call("http://no-such-name.invalid/", through)
        local = await call("http://localhost:1/", through)
    assert (attempt.outcome, attempt.response) == (Outcome.TRANSIENT, "the name does not resolve")
    # [::1] is among its answers on most machines, and is not open here.
    assert local.response in {
        "no connection",
        "not called (loopback): it leads to this machine itself, which may not be called",
    }


async def silence(request: Received, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def drip(request: Received, writer: asyncio.StreamWriter) -> None:
    """Slow-loris: a header that never ends."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-A: b\r\n")
        await writer.drain()
        await asyncio.sleep(SLOWLY_S)


async def headers_without_end(request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for _ in range(1_000_000):
        writer.write(b"X-A: " + b"b" * 1000 + b"\r\n")
        await writer.drain()


async def interim_without_end(request: Received, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await writer.drain()


async def no_http(request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example ESMTP\r\n")
    await writer.drain()


async def reset(request: Received, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def hang_up(request: Received, writer: asyncio.StreamWriter) -> None:
    """Closes without a word."""


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (silence, "no answer in time"),
        (drip, "no answer in time"),
        (interim_without_end, "no answer in time"),
        (headers_without_end, "the connection broke before an answer"),
        (no_http, "the connection broke before an answer"),
        (reset, "the connection broke before an answer"),
        (hang_up, "the connection broke before an answer"),
    ],
)
async def test_without_an_answer_it_may_have_left_and_is_not_unknown(
    answer: Answer, says: str
) -> None:
    begun = time.monotonic()
    attempt, receiver = await answered(answer, within=1)
    assert (attempt.outcome, attempt.response) == (Outcome.TRANSIENT, says)
    assert attempt.may_have_left
    assert len(receiver.requests) == 1
    assert time.monotonic() - begun < 2


class Flood:
    """Answers 200 with a body without end, as fast or as slow as told."""

    def __init__(self, chunk: bytes, pause: float) -> None:
        self.sent = 0
        self._chunk = chunk
        self._pause = pause

    async def __call__(self, request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n")
        while True:
            writer.write(self._chunk)
            await writer.drain()
            self.sent += len(self._chunk)
            await asyncio.sleep(self._pause)


@pytest.mark.parametrize("flood", [Flood(b"a" * 65_536, 0), Flood(b"a", SLOWLY_S)])
async def test_the_answer_is_its_status_and_the_rest_is_not_waited_for(flood: Flood) -> None:
    begun = time.monotonic()
    attempt, _ = await answered(flood)
    assert attempt.outcome is Outcome.ACCEPTED
    assert len(attempt.response) <= len("200 ") + 200
    assert time.monotonic() - begun < 3
    # What the sockets' buffers take, and not what it would send.
    assert flood.sent < 50_000_000


async def test_a_name_that_leads_inside_is_not_called_nor_told() -> None:
    for addresses in (["127.0.0.1"], ["93.184.215.14", "127.0.0.1"], ["::ffff:127.0.0.1"]):
        async with open_receiver(status(200)) as receiver:
            through = provider(CLOSED, Names(hook=[addresses]))
            attempt = await call(f"http://hook.example:{receiver.port}/", through)
        assert attempt.outcome is Outcome.PERMANENT
        assert attempt.response.startswith(("not called (loopback)", "not called (embedded_ipv4)"))
        assert "127" not in attempt.response
        assert receiver.connections == 0


async def test_a_name_that_changes_its_mind_is_judged_by_what_is_dialled() -> None:
    """DNS rebinding: public when it is checked, loopback when it is asked for once more."""
    names = Names(hook=[["192.0.2.1"], ["127.0.0.1"]])
    # The network of the first answer is open, and nothing answers there.
    documentation = EgressPolicy(
        allow_http=True, networks=(ip_network("192.0.2.0/24"),), ports=None
    )
    async with open_receiver(status(200)) as receiver:
        through = provider(documentation, names)
        url = f"http://hook.example:{receiver.port}/"
        first = await call(url, through, within=0.5)
        asked = names.asked
        second = await call(url, through)
    assert (first.outcome, asked) == (Outcome.TRANSIENT, 1)
    assert second.outcome is Outcome.PERMANENT
    assert "not called (loopback)" in second.response
    assert receiver.connections == 0


async def test_each_call_asks_anew_and_connects_anew() -> None:
    names = Names(hook=[["127.0.0.1"]])
    through = provider(names=names)
    async with open_receiver(status(200)) as receiver:
        for _ in range(3):
            await call(f"http://hook.example:{receiver.port}/", through)
    assert (names.asked, receiver.connections) == (3, 3)


async def test_the_next_address_is_tried_when_nobody_is_at_the_first() -> None:
    through = provider(names=Names(hook=[["127.0.0.2", "127.0.0.1"]]))
    async with open_receiver(status(200)) as receiver:
        attempt = await call(f"http://hook.example:{receiver.port}/", through)
    assert attempt.outcome is Outcome.ACCEPTED


async def test_what_was_stored_before_a_rule_is_refused_by_the_rule() -> None:
    attempt = await call("http://hook.example/", provider(EgressPolicy()))
    assert attempt.outcome is Outcome.PERMANENT
    assert attempt.response == "not called (scheme): it must be an absolute https URL"
