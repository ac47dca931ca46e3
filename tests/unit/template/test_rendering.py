"""Batches: what is prepared, what is rendered, and what one failure does to the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.template.clients.renderer import Renderer
from services.template.domain.models import Channel, Content, VersionKey
from services.template.domain.rendering import (
    Failure,
    Rendered,
    RenderRequest,
    RenderTask,
    prepare,
)
from services.template.store.versions import VersionStore
from services.template.usecases.load_versions import LoadVersions
from tests.unit.template.contents import declared, email, in_app

KEY = VersionKey(tenant_id="acme", name="order-shipped", version=3)


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    with ThreadPoolExecutor(max_workers=1) as executor:
        yield Renderer(executor)


def task(
    channel: Channel | None = Channel.EMAIL, variables: dict[str, object] | None = None
) -> RenderTask:
    return RenderTask(key=KEY, channel=channel, variables=variables)


def test_a_task_sees_declared_variables_only() -> None:
    content = email(variables=declared("a", "b?"))
    request = prepare(task(variables={"a": 1, "c": 2}), content)
    assert isinstance(request, RenderRequest)
    assert (request.key, request.variables) == (KEY, {"a": 1, "b": None})


@pytest.mark.parametrize(
    ("task", "content", "sentence"),
    [
        (task(variables={}), None, "order-shipped v3 is not published"),
        (
            task(Channel.IN_APP, {}),
            email(),
            "order-shipped v3 has no content for in_app; it has email",
        ),
        (task(None, {}), email(), "order-shipped v3 has no content for this channel; it has email"),
        (task(variables=None), email(), "the variables are not a google.protobuf.Struct"),
        (
            task(variables={"a": "hunter2"}),
            email(variables=declared("a", "b")),
            "order-shipped v3 needs `b`; you sent `a`",
        ),
    ],
)
def test_a_task_that_cannot_be_rendered_says_why(
    task: RenderTask, content: Content | None, sentence: str
) -> None:
    assert prepare(task, content) == Failure(sentence)


def request(content: Content, **variables: object) -> RenderRequest:
    (channel,) = content.sources
    return RenderRequest(KEY, content, channel, variables)


async def test_a_mail_is_rendered_part_by_part(renderer: Renderer) -> None:
    content = email("Order {{ x }}\n", "Dear {{ x }}\n\nbye", "<b>{{ x }}</b>")
    assert await renderer.render([request(content, x="<\nBcc: a>")]) == [
        Rendered(
            channel=Channel.EMAIL,
            texts={
                "subject": "Order < Bcc: a>",
                "text": "Dear <\nBcc: a>\n\nbye",
                "html": "<b>&lt;\nBcc: a&gt;</b>",
            },
        )
    ]


async def test_an_inbox_item_is_not_html(renderer: Renderer) -> None:
    content = in_app(" {{ x }}\n{{ x }} ", "{{ x }}", "https://example.com/{{ x|urlencode }}")
    assert await renderer.render([request(content, x="a&b")]) == [
        Rendered(
            channel=Channel.IN_APP,
            texts={
                "title": "a&b a&b",
                "body": "a&b",
                "action_url": "https://example.com/a%26b",
            },
        )
    ]


async def test_a_link_that_runs_code_is_a_failure(renderer: Renderer) -> None:
    content = in_app(action_url="{{ x }}")
    assert await renderer.render([request(content, x="javascript:alert(1)")]) == [
        Failure(
            "order-shipped v3 does not render: content.in_app.action_url:"
            " must render to an absolute http or https URL, or to nothing"
        )
    ]


async def test_one_failure_leaves_the_others_alone(renderer: Renderer) -> None:
    content = email("{{ 6 // x }}")
    results = await renderer.render([request(content, x=number) for number in (1, 0, "a", 3)])
    assert [isinstance(result, Failure) for result in results] == [False, True, True, False]
    assert results[1] == Failure(
        "order-shipped v3 does not render: content.email.subject: line 1: divides by zero"
    )
    rendered = [result.texts["subject"] for result in results if isinstance(result, Rendered)]
    assert rendered == ["6", "2"]


async def test_half_a_character_does_not_reach_the_wire(renderer: Renderer) -> None:
    (result,) = await renderer.render([request(email("{{ '\\ud83d' }}"))])
    assert isinstance(result, Failure)


async def test_a_stored_source_that_does_not_compile_any_more_is_a_failure(
    renderer: Renderer,
) -> None:
    results = await renderer.render([request(email("{{ x")), request(email("fine"))])
    assert [isinstance(result, Failure) for result in results] == [True, False]


@pytest.mark.parametrize(
    ("content", "size", "fits"),
    [
        (email("{{ x }}"), 4 << 10, True),
        (email("{{ x }}"), (4 << 10) + 1, False),
        (email(html="{{ x }}"), 1 << 20, True),
        (email(html="{{ x }}"), (1 << 20) + 1, False),
        (in_app(body="{{ x }}"), (256 << 10) + 1, False),
    ],
)
async def test_each_part_has_its_size(
    renderer: Renderer, content: Content, size: int, fits: bool
) -> None:
    (result,) = await renderer.render([request(content, x="x" * size)])
    assert isinstance(result, Rendered) is fits


class CountingStore(VersionStore):
    """Knows every version, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    async def load(self, keys: Sequence[VersionKey]) -> dict[VersionKey, Content]:
        self.asked.append([key.version for key in keys])
        return {key: email(str(key.version)) for key in keys if key.version}


def keys(*versions: int) -> list[VersionKey]:
    return [VersionKey(tenant_id="acme", name="a", version=version) for version in versions]


async def test_versions_are_loaded_together_and_once() -> None:
    store = CountingStore()
    load = LoadVersions(store)
    assert set(await load(keys(1, 2))) == set(keys(1, 2))
    found = await load(keys(1, 2, 3))
    assert {key.version: content for key, content in found.items()} == {
        version: email(str(version)) for version in (1, 2, 3)
    }
    await load(keys(3))
    assert store.asked == [[1, 2], [3]]


async def test_what_is_not_published_is_asked_for_again() -> None:
    store = CountingStore()
    load = LoadVersions(store)
    assert await load(keys(0)) == {}
    assert await load(keys(0)) == {}
    assert store.asked == [[0], [0]]


async def test_versions_used_last_are_kept() -> None:
    store = CountingStore()
    load = LoadVersions(store, most_kept=2)
    for wanted in ([1], [2], [1], [3], [1], [2]):
        assert set(await load(keys(*wanted))) == set(keys(*wanted))
    assert store.asked == [[1], [2], [3], [2]]


async def test_a_batch_larger_than_the_cache_is_whole() -> None:
    load = LoadVersions(CountingStore(), most_kept=2)
    await load(keys(1, 2))
    assert set(await load(keys(1, 2, 3, 4))) == set(keys(1, 2, 3, 4))
