"""A tenant whose templates are as hard as they may be, and another one beside it, over real gRPC and PostgreSQL.

A rendering of the greedy one's takes all steps of a budget. Nothing here looks at a clock: what counts is
who is answered before whom, and how much of a call is postponed.
"""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.integration.hosting import Hosted, api_key
from tests.integration.template.calls import create, publish, update
from tests.integration.template.messages import variables
from tests.support.eventually import eventually
from tidings.common.v1.channel_pb2 import CHANNEL_IN_APP
from tidings.internal.template.v1.rendering_service_pb2 import (
    RenderBatchRequest,
    RenderResult,
    RenderTask,
    TemplateReference,
)
from tidings.template.v1.template_service_pb2 import (
    CreateTemplateRequest,
    InAppSource,
    PreviewTemplateRequest,
    PublishTemplateRequest,
    TemplateContent,
    TemplateVariable,
    UpdateTemplateRequest,
)
from tidings.template.v1.template_service_pb2_grpc import TemplateServiceStub

if TYPE_CHECKING:
    from tidings.internal.template.v1.rendering_service_pb2_grpc import RenderingServiceAsyncStub
    from tidings.template.v1.template_service_pb2_grpc import TemplateServiceAsyncStub

# Three of the worst, and one that begins while there is patience left and ends after it.
MOST_IN_A_CALL = 4
GREEDY, MODEST = "greedy", "modest"
NAME = "squares"
TITLE = "{{ number }}{% for a in words %}{% for b in words %}{% endfor %}{% endfor %}"
_numbers = count()


def content(title: str = TITLE) -> TemplateContent:
    return TemplateContent(
        variables=[TemplateVariable(name="number"), TemplateVariable(name="words")],
        in_app=InAppSource(title=title),
    )


@pytest.fixture(scope="module", autouse=True)
async def stored(running: Hosted) -> None:
    templates = TemplateServiceStub(running.public)
    for tenant_id in (GREEDY, MODEST):
        metadata = api_key(tenant_id)
        request = CreateTemplateRequest(name=NAME, content=content())
        await templates.CreateTemplate(request, metadata=metadata)
        await templates.PublishTemplate(PublishTemplateRequest(name=NAME), metadata=metadata)


def task(tenant_id: str, words: int) -> RenderTask:
    """A rendering that is like no other; of 1000 words it takes more steps than there are."""
    sent = variables(number=next(_numbers), words=["w"] * words)
    return RenderTask(
        template=TemplateReference(tenant_id=tenant_id, name=NAME, version=1),
        channel=CHANNEL_IN_APP,
        variables=sent.SerializeToString(),
    )


def greedy(tasks: int) -> list[RenderTask]:
    return [task(GREEDY, 1_000) for _ in range(tasks)]


async def render(rendering: RenderingServiceAsyncStub, *tasks: RenderTask) -> list[RenderResult]:
    return list((await rendering.RenderBatch(RenderBatchRequest(tasks=tasks))).results)


def kinds(results: list[RenderResult]) -> list[str | None]:
    return [result.WhichOneof("result") for result in results]


async def test_beside_the_worst_in_one_batch_others_are_rendered(
    rendering: RenderingServiceAsyncStub,
) -> None:
    results = await render(rendering, *greedy(50), task(MODEST, 1), *greedy(50))
    assert results[50].content.in_app.title
    others = kinds([*results[:50], *results[51:]])
    assert 1 <= others.count("failure") <= MOST_IN_A_CALL
    assert others.count("postponed") == 100 - others.count("failure")


async def test_a_stream_of_the_worst_holds_nobody_up(rendering: RenderingServiceAsyncStub) -> None:
    stream = [asyncio.create_task(render(rendering, *greedy(50))) for _ in range(10)]
    async with asyncio.timeout(20):
        (easy,) = await render(rendering, task(MODEST, 1))
    assert easy.content.in_app.title
    assert not all(call.done() for call in stream)
    rendered = [kind for call in stream for kind in kinds(await call) if kind != "postponed"]
    # Their patience ends together, with what each has begun by then.
    assert len(rendered) <= MOST_IN_A_CALL + len(stream)


async def test_hard_work_of_others_has_its_turn_in_a_stream_of_the_worst(
    rendering: RenderingServiceAsyncStub,
) -> None:
    ended = asyncio.Event()

    async def pour() -> None:
        while not ended.is_set():
            await render(rendering, *greedy(10))

    async with asyncio.TaskGroup() as stream:
        for _ in range(4):
            stream.create_task(pour())
        try:
            for _ in range(5):
                # Too many steps for a share.
                (result,) = await render(rendering, task(MODEST, 100))
                assert result.content.in_app.title
        finally:
            ended.set()


async def test_what_is_postponed_is_rendered_in_the_end(
    rendering: RenderingServiceAsyncStub,
) -> None:
    waiting = [task(GREEDY, 200) for _ in range(20)]
    titles: list[str] = []
    calls = 0
    while waiting:
        results = await render(rendering, *waiting)
        calls += 1
        titles += [r.content.in_app.title for r in results if r.HasField("content")]
        left = [t for t, r in zip(waiting, results, strict=True) if r.HasField("postponed")]
        assert len(left) < len(waiting)
        waiting = left
    assert len(set(titles)) == 20
    assert calls > 1


async def test_a_preview_is_never_postponed(
    templates: TemplateServiceAsyncStub, rendering: RenderingServiceAsyncStub
) -> None:
    stream = [asyncio.create_task(render(rendering, *greedy(20))) for _ in range(3)]
    sent = variables(number=7, words=["w"] * 100)
    request = PreviewTemplateRequest(name=NAME, channel=CHANNEL_IN_APP, variables=sent)
    answer = await templates.PreviewTemplate(request, metadata=api_key(MODEST))
    assert answer.content.in_app.title == "7"
    await asyncio.gather(*stream)


async def test_changes_that_wait_leave_connections_to_others(
    templates: TemplateServiceAsyncStub, rendering: RenderingServiceAsyncStub, database_url: str
) -> None:
    """More changes than there are connections wait for one template."""
    await create(templates, "locked")
    connection = await asyncpg.connect(database_url)

    async def waits() -> bool:
        return bool(await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

    try:
        async with connection.transaction():
            await connection.execute(
                "SELECT FROM template.templates WHERE name = 'locked' FOR UPDATE"
            )
            stuck = [asyncio.create_task(update(templates, "locked", "x")) for _ in range(20)]
            await eventually(waits)
            modest = UpdateTemplateRequest(name=NAME, content=content("{{ number }}"))
            await templates.UpdateTemplate(modest, metadata=api_key(MODEST), timeout=10)
            # A version that is not at hand.
            unknown = task(MODEST, 1)
            unknown.template.version = 9
            assert kinds(await render(rendering, unknown)) == ["failure"]
    finally:
        await connection.close()
    await asyncio.gather(*stuck)
    assert await publish(templates, "locked") == 1
