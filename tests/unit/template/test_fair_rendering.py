"""One tenant's hard work beside another's: counted in turns and steps, by what reaches the thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

import pytest

from services.template.clients.budget import STEPS
from services.template.clients.renderer import EASY, Renderer
from services.template.domain.models import Content, VersionKey
from services.template.domain.rendering import (
    POSTPONED,
    Failure,
    Rendered,
    RenderRequest,
)
from tests.unit.template.contents import declared, email, in_app

VARIABLES = declared("who", "words")
# Of a few hundred steps for each word.
SQUARED = "{{ who }}{% for a in words %}{% for b in words %}{% endfor %}{% endfor %}"
HARD = in_app(SQUARED, variables=VARIABLES)
EASILY = in_app("{{ who }}", variables=VARIABLES)


class Thread(Executor):
    """A thread that begins when it may, and a note of what it was asked for."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1)
        self.asked: list[Callable[[], object]] = []
        self._held: list[tuple[Future[Any], Callable[[], object]]] = []
        self.holds = False

    def submit(self, work: Any, /, *_: Any, **__: Any) -> Future[Any]:
        self.asked.append(work)
        if not self.holds:
            return self._executor.submit(work)
        future: Future[Any] = Future()
        self._held.append((future, work))
        return future

    def let_go(self) -> None:
        """Does what was held, and all that comes."""
        self.holds = False
        for future, work in self._held:
            future.set_result(work())

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._executor.shutdown(wait, cancel_futures=cancel_futures)

    def whose(self) -> list[str]:
        """Returns for whom it rendered, in order."""
        arguments: list[tuple[Any, ...]] = [getattr(work, "args", ()) for work in self.asked]
        return [given[2]["who"] for given in arguments if len(given) > 2]


@pytest.fixture
async def thread() -> AsyncIterator[Thread]:
    with Thread() as opened:
        yield opened


@pytest.fixture
async def renderer(thread: Thread) -> Renderer:
    """With both sources compiled."""
    opened = Renderer(thread)
    await opened.render([request("warm", HARD, 1), request("warm", EASILY)])
    thread.asked.clear()
    return opened


def request(who: str, content: Content, words: int = 0) -> RenderRequest:
    (channel,) = content.sources
    variables: dict[str, object] = {"who": who, "words": ["w"] * words}
    return RenderRequest(VersionKey(who, "order-shipped", 3), content, channel, variables)


def title(result: object) -> str:
    assert isinstance(result, Rendered)
    return result.texts["title"]


async def queued(*calls: asyncio.Task[Any]) -> None:
    """Lets calls go on until each waits for something that is not the loop's to give."""
    for _ in range(20 * (1 + len(calls))):
        await asyncio.sleep(0)


async def test_what_is_easy_never_reaches_the_thread(renderer: Renderer, thread: Thread) -> None:
    results = await renderer.render([request("a", EASILY), request("a", HARD, 5)])
    assert [title(result) for result in results] == ["a", "a"]
    assert thread.asked == []


async def test_what_is_hard_renders_as_if_it_were_easy(renderer: Renderer, thread: Thread) -> None:
    (result,) = await renderer.render([request("a", HARD, 100)])
    assert title(result) == "a"
    assert thread.whose() == ["a", "a", "a"]


async def test_more_work_than_a_rendering_may_do_fails_as_ever(renderer: Renderer) -> None:
    (result,) = await renderer.render([request("a", HARD, 1_000)])
    assert result == Failure(
        "order-shipped v3 does not render: content.in_app.title: line 1:"
        " does more work than one rendering may"
    )


async def test_the_easy_do_not_wait_for_the_thread(renderer: Renderer, thread: Thread) -> None:
    thread.holds = True
    hard = asyncio.create_task(renderer.render([request("greedy", HARD, 100)]))
    await queued(hard)
    async with asyncio.timeout(5):
        (result,) = await renderer.render([request("b", EASILY)])
    assert title(result) == "b"
    assert not hard.done()
    thread.let_go()
    assert title((await hard)[0]) == "greedy"


async def test_on_the_loop_a_long_batch_is_a_turn_to_another(renderer: Renderer) -> None:
    """Each task of the batch is just easy enough not to be hard work."""
    greedy = asyncio.create_task(renderer.render([request("greedy", HARD, 35)] * 100))
    (result,) = await renderer.render([request("b", EASILY)])
    assert title(result) == "b"
    assert not greedy.done()
    assert {title(rendered) for rendered in await greedy} == {"greedy"}


async def test_on_the_loop_many_calls_are_a_turn_to_another(
    renderer: Renderer, thread: Thread
) -> None:
    answered: list[str] = []

    async def call(who: str, words: int) -> None:
        await renderer.render([request(who, HARD, words)] * 2)
        answered.append(who)

    async with asyncio.TaskGroup() as calls:
        for _ in range(20):
            calls.create_task(call("greedy", 35))
        calls.create_task(call("b", 1))
    assert answered.index("b") <= 1
    assert thread.asked == []


async def test_the_hard_work_of_one_is_a_turn_to_another(
    renderer: Renderer, thread: Thread
) -> None:
    thread.holds = True
    crowd = [
        asyncio.create_task(renderer.render([request("greedy", HARD, 100)] * 2)) for _ in range(10)
    ]
    await queued(*crowd)
    other = asyncio.create_task(renderer.render([request("b", HARD, 100)]))
    await queued(*crowd, other)
    thread.let_go()
    await asyncio.gather(*crowd, other)
    # Of a message's three parts each.
    assert thread.whose()[:9] == ["greedy"] * 3 + ["b"] * 3 + ["greedy"] * 3
    assert len(thread.whose()) == 63


async def test_a_batch_has_so_much_patience_and_its_easy_tasks_are_all_rendered(
    renderer: Renderer,
) -> None:
    tasks = [request("greedy", HARD, 1_000)] * 5 + [request("b", EASILY)]
    results = await renderer.render(tasks, patience=2 * STEPS)
    # The other parts take a step or two, so that a third begins.
    assert [isinstance(result, Failure) for result in results] == [True, True] + [False] * 4
    assert results[2:5] == [POSTPONED] * 3
    assert title(results[5]) == "b"


async def test_patience_ends_with_the_work_of_others(renderer: Renderer, thread: Thread) -> None:
    thread.holds = True
    others = asyncio.create_task(renderer.render([request("greedy", HARD, 300)]))
    await queued(others)
    batch = asyncio.create_task(renderer.render([request("b", HARD, 100)], patience=EASY))
    await queued(others, batch)
    thread.let_go()
    assert await batch == [POSTPONED]
    assert title((await others)[0]) == "greedy"


async def test_who_was_postponed_is_next(renderer: Renderer) -> None:
    """However many are hard: those served last come last."""
    crowd = [request(name, HARD, 100) for name in "abcdefgh"]
    seen: set[str] = set()
    for _ in range(len(crowd)):
        results = await renderer.render(crowd, patience=EASY)
        seen.update(title(result) for result in results if result is not POSTPONED)
    assert seen == set("abcdefgh")


async def test_what_a_cold_source_costs_is_hard_work(thread: Thread) -> None:
    renderer = Renderer(thread)
    long = email(text="x" * 1_000)
    assert await renderer.render([request("a", long)], patience=0) == [POSTPONED]
    assert isinstance((await renderer.render([request("a", long)]))[0], Rendered)
    assert await renderer.render([request("a", long)], patience=0) != [POSTPONED]


async def test_who_goes_away_keeps_the_turn_until_the_thread_is_done(
    renderer: Renderer, thread: Thread
) -> None:
    thread.holds = True
    leaving = asyncio.create_task(renderer.render([request("greedy", HARD, 100)]))
    await queued(leaving)
    staying = asyncio.create_task(renderer.render([request("b", HARD, 100)]))
    for _ in range(3):
        leaving.cancel()
        await queued(leaving, staying)
    # Else the thread would have as much before it as anybody cares to begin.
    assert thread.whose() == ["greedy"]
    thread.let_go()
    assert title((await staying)[0]) == "b"
    await asyncio.wait([leaving])
    assert leaving.cancelled()


async def test_a_large_result_is_hard_work(renderer: Renderer, thread: Thread) -> None:
    """It costs its template nothing, but the loop does not stop for it."""
    content = email(html="{{ who }}", variables=VARIABLES)
    (result,) = await renderer.render([request("<" * 200_000, content)])
    assert isinstance(result, Rendered)
    assert len(result.texts["html"]) == 800_000
    assert len(thread.asked) == 3
