"""Calls of the real provider to receivers of the tests' own, by names that they choose."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import ip_network
from uuid import UUID

from libs.clock import SystemClock
from libs.egress.connecting import GuardedDialer, tls_context
from libs.egress.policy import EgressPolicy
from services.dispatch.channels.webhook import HttpWebhookProvider
from services.dispatch.domain.models import Attempt, Webhook
from services.dispatch.domain.webhooks import derive_secret, payload
from tests.support.receiver import (
    Answer,
    Receiver,
    open_receiver,
)

LOOPBACK = (ip_network("127.0.0.0/8"),)
OPEN = EgressPolicy(allow_http=True, networks=LOOPBACK, ports=None)
# Loopback is closed, as on the internet.
CLOSED = EgressPolicy(allow_http=True, ports=None)
SECRETS = (derive_secret(b"new" * 11, "alice"), derive_secret(b"old" * 11, "alice"))
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
