"""Webhooks: POST by Standard Webhooks 1.0 to endpoints that recipients name."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

import httpcore

from libs.clock import Clock
from libs.egress.connecting import GuardedDialer
from libs.egress.policy import EgressPolicy
from libs.egress.refusal import EgressRefused
from libs.egress.urls import Target, check_url
from services.dispatch.domain.models import Attempt, Outcome, Webhook
from services.dispatch.domain.webhooks import sign

PROVIDER = "webhook"

_USER_AGENT = "Tidings (+https://www.standardwebhooks.com)"
_MOST_BODY = 64 * 1024
# An answer is its status; what follows is read for courtesy, and its first words for the log.
_BODY_SECONDS = 2.0
_WORDS = 200
_LONGEST_WISH = timedelta(hours=24)

_GONE = 410
_THROTTLED = frozenset({429})
_TRANSIENT = frozenset({401, 403, 408, 425})
_MAY_WISH = frozenset({408, 425, 429})


@dataclass(slots=True)
class _Call:
    """How far a call went."""

    written: bool = False
    status: int = 0
    wish: str = ""
    words: str = ""


class HttpWebhookProvider:
    """Makes a connection for each call: its name is asked for and checked anew, and nothing of one
    recipient's endpoint stays for another's. No redirects, no proxies, no cookies."""

    def __init__(self, policy: EgressPolicy, *, dialer: GuardedDialer, clock: Clock) -> None:
        self._policy = policy
        self._dialer = dialer
        self._clock = clock

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing is kept between calls."""

    async def send(self, webhook: Webhook, *, deadline: float) -> Attempt:
        """Returns what came of one call, by `deadline` on the event loop's clock at the latest.

        Never UNKNOWN: the receiver drops a repeat of a `webhook-id` (Standard Webhooks 1.0, "Webhook
        headers"), so that what may have arrived is sent again like what did not.
        """
        begun = self._clock.now()
        call = _Call()
        retry_after: timedelta | None = None
        may_have_left = False
        try:
            async with asyncio.timeout_at(deadline):
                await self._post(webhook, begun, call)
        except EgressRefused as refusal:
            outcome, response = Outcome.PERMANENT, f"not called ({refusal.rule}): {refusal}"
        except (
            httpcore.NetworkError,
            httpcore.TimeoutException,
            httpcore.ProtocolError,
            OSError,
        ) as error:
            outcome, response = Outcome.TRANSIENT, _say(error, call)
            may_have_left = call.written
        else:
            outcome, response = Outcome.ACCEPTED, ""
        if call.status:
            now = self._clock.now()
            retry_after = read_retry_after(call.wish, now) if _may_wish(call.status) else None
            outcome = outcome_of(call.status, asked_to_wait=retry_after is not None)
            response = f"{call.status} {call.words}".rstrip()
            may_have_left = False
        return Attempt(
            provider=PROVIDER,
            start_time=begun,
            finish_time=self._clock.now(),
            outcome=outcome,
            response=response,
            retry_after=retry_after,
            may_have_left=may_have_left,
            endpoint_gone=call.status == _GONE,
        )

    async def _post(self, webhook: Webhook, now: datetime, call: _Call) -> None:
        target = check_url(webhook.url, self._policy)
        stream = await self._dialer.dial(target)
        try:
            request = _request(target, webhook, now)
            call.written = True
            connection = httpcore.AsyncHTTP11Connection(request.url.origin, stream)
            response = await connection.handle_async_request(request)
            call.wish = _header(response, b"retry-after")
            call.status = response.status
            call.words = await _read_words(response.aiter_stream())
        finally:
            await stream.aclose()


def outcome_of(status: int, *, asked_to_wait: bool) -> Outcome:
    """Returns what an answer means.

    401 and 403 are TRANSIENT and not AUTH: whose credentials are wrong is one receiver, which may
    just be late with a new secret, and nobody else's webhooks wait for it.
    """
    if 200 <= status < 300:
        return Outcome.ACCEPTED
    if status in _THROTTLED or asked_to_wait:
        return Outcome.THROTTLED
    if status in _TRANSIENT or status >= 500:
        return Outcome.TRANSIENT
    return Outcome.PERMANENT


def read_retry_after(value: str, now: datetime) -> timedelta | None:
    """Returns the wait that a Retry-After header asks for (RFC 9110 §10.2.3), a day at most."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        # Long before it, a number that is too large for a span is more than a day.
        return min(timedelta(seconds=int(value.lstrip("0")[:9] or 0)), _LONGEST_WISH)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(moment - now, timedelta()), _LONGEST_WISH)


def _may_wish(status: int) -> bool:
    return status in _MAY_WISH or status >= 500


def _request(target: Target, webhook: Webhook, now: datetime) -> httpcore.Request:
    message_id, seconds = str(webhook.delivery_id), int(now.timestamp())
    return httpcore.Request(
        "POST",
        httpcore.URL(
            scheme=target.scheme.encode(),
            host=target.host.encode(),
            port=target.port,
            target=target.path.encode(),
        ),
        headers={
            "Host": target.authority,
            "User-Agent": _USER_AGENT,
            "Content-Type": "application/json",
            "Content-Length": str(len(webhook.body)),
            "Connection": "close",
            "webhook-id": message_id,
            "webhook-timestamp": str(seconds),
            "webhook-signature": sign(webhook.secrets, message_id, seconds, webhook.body),
            "traceparent": webhook.traceparent,
        },
        content=webhook.body,
    )


def _header(response: httpcore.Response, name: bytes) -> str:
    values = (value for key, value in response.headers if key.lower() == name)
    return next(values, b"").decode("latin-1")


async def _read_words(body: AsyncIterable[bytes]) -> str:
    """Returns the first words of an answer; reads no more of it than is decent."""
    begin, size = b"", 0
    # The status is known: whatever breaks or lingers from here on changes nothing.
    with contextlib.suppress(
        httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError
    ):
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in body:
                begin += chunk[: _WORDS * 4 - len(begin)]
                size += len(chunk)
                if size >= _MOST_BODY:
                    break
    text = " ".join(begin.decode("utf-8", "replace").split())
    return "".join(character for character in text if character.isprintable())[:_WORDS]


def _say(error: Exception, call: _Call) -> str:
    """Returns what broke, in our own words: those of the system tell addresses."""
    cause = error.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"TLS: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError):
        return f"TLS: {cause.reason or 'the handshake failed'}"
    if call.written:
        late = isinstance(error, TimeoutError | httpcore.TimeoutException)
        return "no answer in time" if late else "the connection broke before an answer"
    if isinstance(error, TimeoutError | httpcore.TimeoutException):
        return "no connection in time"
    if isinstance(error, OSError):
        return "the name does not resolve"
    return "no connection"
