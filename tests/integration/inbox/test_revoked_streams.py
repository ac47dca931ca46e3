"""A stream ends soon after its API key was revoked, though its client never asks again."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

import grpc
import pytest

from libs.errors import DependencyUnavailable, TidingsError
from libs.identity.authenticator import CredentialInvalid
from libs.rpc import pipeline
from tests.integration.hosting import BelievingGate, Hosted, Metadata, api_key, recipient_token
from tests.integration.inbox.clients import TENANT, deliver, delivery
from tests.integration.inbox.conftest import HostInbox
from tests.support.eventually import eventually
from tidings.inbox.v1.inbox_stream_service_pb2 import SubscribeRequest, SubscribeResponse
from tidings.inbox.v1.inbox_stream_service_pb2_grpc import InboxStreamServiceStub

Stream = grpc.aio.UnaryStreamCall[SubscribeRequest, SubscribeResponse]

KEY = api_key(TENANT)


class RevocableGate(BelievingGate):
    """Admits until told otherwise, and counts how often it was asked for whom."""

    def __init__(self) -> None:
        self.refusal: TidingsError | None = None
        self.asked: Counter[str] = Counter()

    async def admit(self, method: str, metadata: dict[str, str]) -> None:
        self.asked[metadata["x-test-caller"]] += 1
        if self.refusal is not None:
            raise self.refusal
        await super().admit(method, metadata)

    async def asked_again(self, credential: Metadata, times: int) -> bool:
        """Waits until it was asked so many times more."""
        ((_, caller),) = credential
        enough = self.asked[caller] + times

        async def reached() -> bool:
            return self.asked[caller] >= enough

        return await eventually(reached)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> RevocableGate:
    monkeypatch.setattr(pipeline, "_READMISSION_SECONDS", 0.02)
    return RevocableGate()


@pytest.fixture
async def guarded(host_inbox: HostInbox, gate: RevocableGate) -> AsyncIterator[Hosted]:
    """An inbox behind the gate."""
    async with host_inbox(gate=gate) as running:
        yield running


async def subscribed(hosted: Hosted, recipient_id: str, credential: Metadata) -> Stream:
    """Returns a stream that has had its first frame."""
    request = SubscribeRequest(recipient_id=recipient_id)
    call: Stream = InboxStreamServiceStub(hosted.public).Subscribe(
        request, metadata=credential, timeout=10
    )
    await call.read()
    return call


async def test_it_ends_in_the_words_of_the_refusal(
    guarded: Hosted, gate: RevocableGate, alice: str
) -> None:
    call = await subscribed(guarded, alice, KEY)
    gate.refusal = CredentialInvalid()
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await call.read()
    assert ended.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert "unknown or revoked" in (ended.value.details() or "")


async def test_it_goes_on_while_nobody_can_say(
    guarded: Hosted, gate: RevocableGate, alice: str
) -> None:
    call = await subscribed(guarded, alice, KEY)
    gate.refusal = DependencyUnavailable("access")
    assert await gate.asked_again(KEY, 3)
    gate.refusal = None
    (item,) = await deliver(guarded, [delivery(alice)])
    frame = await call.read()
    assert item in str(frame)
    call.cancel()


async def test_nobody_asks_for_a_stream_that_has_ended(
    guarded: Hosted, gate: RevocableGate, alice: str
) -> None:
    theirs = api_key("umbrella")
    ((_, they),) = theirs
    ended = await subscribed(guarded, alice, theirs)
    going_on = await subscribed(guarded, alice, KEY)
    assert await gate.asked_again(theirs, 1)
    ended.cancel()

    async def they_are_quiet() -> bool:
        asked = gate.asked[they]
        return await gate.asked_again(KEY, 5) and gate.asked[they] == asked

    assert await eventually(they_are_quiet)
    going_on.cancel()


async def test_a_token_says_itself_when_it_ends(
    guarded: Hosted, gate: RevocableGate, alice: str
) -> None:
    token = recipient_token(TENANT, alice)
    ((_, app),) = token
    by_token = await subscribed(guarded, alice, token)
    by_key = await subscribed(guarded, alice, KEY)
    assert await gate.asked_again(KEY, 5)
    assert gate.asked[app] == 1
    by_token.cancel()
    by_key.cancel()
