"""Where a webhook's name leads, and where it may not."""

from __future__ import annotations

from ipaddress import ip_network

from libs.clock import SystemClock
from libs.egress.connecting import GuardedDialer, SystemResolver
from libs.egress.policy import EgressPolicy
from services.dispatch.channels.webhook import HttpWebhookProvider
from services.dispatch.domain.models import Outcome
from tests.integration.dispatch.webhook_calls import CLOSED, OPEN, Names, call, provider
from tests.support.receiver import (
    open_receiver,
    status,
)


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
