"""Webhooks over a real ledger: retried with one id, and nobody waits behind a slow endpoint."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

from libs.runtime.loops import Loops
from services.dispatch.domain.models import (
    AT_MOST_ONCE,
    WEBHOOK,
    DeliveryState,
)
from services.dispatch.usecases.lane import Lane
from services.dispatch.usecases.solitude import Solitude
from tests.integration.dispatch.webhook_bench import NORMAL, WebhookBench, verifies
from tests.support.eventually import eventually
from tests.support.receiver import Received, open_receiver, status


async def test_a_retry_has_the_same_id_and_another_time(webhooks: WebhookBench) -> None:
    answers = iter([status(503, "Retry-After: 0"), status(401), status(200)])

    async def answer(request: Received, writer: asyncio.StreamWriter) -> None:
        await next(answers)(request, writer)

    async with open_receiver(answer) as receiver, webhooks.sender() as s:
        claimed = await webhooks.claim(f"http://hook.example:{receiver.port}/")
        await webhooks.send(s, claimed)
        for _ in range(2):
            assert await webhooks.states(claimed) != [(DeliveryState.SENT, 3)]
            await webhooks.send_again(s)
    assert await webhooks.states(claimed) == [(DeliveryState.SENT, 3)]
    assert await webhooks.log(claimed[0]) == ["503", "401", "200"]
    headers = [request.headers for request in receiver.requests]
    assert {h["webhook-id"] for h in headers} == {str(claimed[0].task.delivery_id)}
    assert len({h["webhook-timestamp"] for h in headers}) == 3
    (secret,) = await webhooks.secrets()
    assert all(verifies(secret, request) for request in receiver.requests)


async def test_without_an_answer_it_is_sent_again_whatever_the_guarantee(
    webhooks: WebhookBench,
) -> None:
    async def silence(request: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with open_receiver(silence) as receiver, webhooks.sender(seconds=0.3) as sender:
        url = f"http://hook.example:{receiver.port}/"
        claimed = await webhooks.claim(url, guarantee=AT_MOST_ONCE)
        await webhooks.send(sender, claimed)
        assert await webhooks.states(claimed) == [(DeliveryState.RETRY, 1)]
        receiver.answer = status(200)
        await webhooks.send_again(sender)
    assert await webhooks.states(claimed) == [(DeliveryState.SENT, 2)]
    assert await webhooks.log(claimed[0]) == ["no answer in time", "200"]


async def test_what_is_refused_fails_at_once(webhooks: WebhookBench) -> None:
    async with open_receiver(status(410)) as receiver, webhooks.sender() as sender:
        claimed = await webhooks.claim(
            f"http://hook.example:{receiver.port}/", "http://169.254.169.254/latest/meta-data/"
        )
        await webhooks.send(sender, claimed)
    assert await webhooks.states(claimed) == [(DeliveryState.FAILED, 1)] * 2
    (refused,) = await webhooks.log(claimed[1])
    assert refused.startswith("not called (link_local): ")


async def test_what_waits_for_an_endpoint_holds_up_no_other(webhooks: WebhookBench) -> None:
    release = asyncio.Event()
    at_once = most = 0

    async def slow(request: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await release.wait()
        at_once -= 1
        await status(200)(request, writer)

    async with AsyncExitStack() as stack:
        slow_one = await stack.enter_async_context(open_receiver(slow))
        quick_one = await stack.enter_async_context(open_receiver(status(200)))
        sender = await stack.enter_async_context(webhooks.sender(seconds=30, slots=8, places=2))
        lane = Lane(
            WEBHOOK,
            NORMAL,
            deliver=lambda batch: webhooks.send(sender, batch),
            deliver_alone=lambda delivery: webhooks.send(sender, [delivery]),
            give_back=lambda batch: webhooks.send(sender, batch),
            solitude=Solitude(),
            claim_deadline=timedelta(hours=1),
            capacity=40,
            batch=4,
            abreast=10,
        )
        loops = Loops()
        loops.add("lane", lane.run)
        loops.start()
        stack.push_async_callback(loops.stop)
        stack.push_async_callback(lane.finish, 10)
        stack.callback(release.set)

        waiting = await webhooks.claim(*[f"http://slow.example:{slow_one.port}/"] * 30)
        quick = await webhooks.claim(
            *(f"http://quick-{n}.example:{quick_one.port}/" for n in range(30))
        )
        for claimed in (waiting, quick):
            await lane.room.take(len(claimed))
            lane.put(claimed)

        async def quick_are_through() -> bool:
            return await webhooks.states(quick) == [(DeliveryState.SENT, 1)] * 30

        assert await eventually(quick_are_through)
        assert at_once == 2

        async def others_gave_up_waiting() -> bool:
            states = await webhooks.states(waiting)
            return sorted(states) == sorted(
                [(DeliveryState.SENDING, 1)] * 2 + [(DeliveryState.RETRY, 0)] * 28
            )

        assert await eventually(others_gave_up_waiting)
        assert most == 2
