"""What a draft must satisfy, and what publishing one means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from libs.errors import FieldViolation
from services.template.clients.renderer import Renderer
from services.template.domain.drafts import DRAFT_PATHS, draft_violations, merge, next_version
from services.template.domain.models import Channel, Content, Template
from tests.unit.template.contents import declared, email, in_app, webhook


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    with ThreadPoolExecutor(max_workers=1) as executor:
        yield Renderer(executor)


def stored(content: Content, *, latest_version: int = 0, ended_version: int = 0) -> Template:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    return Template(
        name="t",
        content=content,
        latest_version=latest_version,
        ended_version=ended_version,
        revision=1,
        create_time=moment,
        update_time=moment,
    )


async def violations(renderer: Renderer, content: Content) -> list[tuple[str, str]]:
    found = draft_violations(content, await renderer.inspect("acme", content))
    return [(violation.field, violation.description) for violation in found]


async def test_a_draft_that_uses_what_it_declares_is_fine(renderer: Renderer) -> None:
    content = Content(
        variables=declared("order", "name?"),
        sources={
            **email("{{ order.id }}", "{{ name }}", "<i>{{ order }}</i>").sources,
            **in_app(
                "{% set x = name %}{{ x }}", "{% for l in order.lines %}{{ l }}{% endfor %}"
            ).sources,
        },
    )
    assert await violations(renderer, content) == []


async def test_an_undeclared_variable_is_told_with_its_line(renderer: Renderer) -> None:
    content = email(
        html="<p>\n{{ order }}\n{{ tracking_url }}{{ tracking_url }}", variables=declared("order")
    )
    assert await violations(renderer, content) == [
        (
            "content.email.html",
            "line 3: uses `tracking_url`, which is not declared; add it to content.variables",
        )
    ]


async def test_everything_wrong_is_told_at_once(renderer: Renderer) -> None:
    content = Content(
        variables=declared("a", "b", "a", "loop"),
        sources={
            **email("{{ c }}", "{{ b", "{{ b|shout }}").sources,
            **in_app(
                "{{ b }}", "{% for x in range(3) %}{{ x }}{{ y }}{% endfor %}", "{{ b }}{{ c }}"
            ).sources,
        },
    )
    assert [field for field, _ in await violations(renderer, content)] == [
        "content.variables[2].name",
        "content.variables[3].name",
        "content.email.subject",
        "content.email.text",
        "content.email.html",
        "content.in_app.body",
        "content.in_app.body",
        "content.in_app.action_url",
    ]


@pytest.mark.parametrize(
    ("content", "field", "sentence"),
    [
        (webhook("{{ [1] }} {{ 2 }}"), "webhook.data", "must render to one JSON value"),
        (webhook("{{ 'x' * 20000 }}"), "webhook.data", "line 1: renders to more than 16384 bytes"),
        (webhook("{{ 1 / 0 }}"), "webhook.data", "line 1: divides by zero"),
        (webhook("{{ {}.x }}"), "webhook.data", "line 1: `x` is undefined"),
        (in_app(action_url="javascript:alert(1)"), "in_app.action_url", "must render to an"),
    ],
)
async def test_a_source_without_variables_is_rendered_to_see_that_it_can_be(
    renderer: Renderer, content: Content, field: str, sentence: str
) -> None:
    ((path, description),) = await violations(renderer, content)
    assert path == f"content.{field}"
    assert description.startswith(sentence)


async def test_a_source_with_variables_is_not_judged_before_they_are_sent(
    renderer: Renderer,
) -> None:
    content = webhook('{"a": {{ a }}, "b": {{ 1 / b }}}', variables=declared("a", "b"))
    assert await violations(renderer, content) == []


async def test_what_templates_lack_is_not_asked_to_be_declared(renderer: Renderer) -> None:
    content = email("{{ range(3) }}")
    assert await violations(renderer, content) == [
        ("content.email.subject", "line 1: there is no `range` here")
    ]


async def test_a_draft_needs_a_channel(renderer: Renderer) -> None:
    content = Content(variables=(), sources={})
    assert await violations(renderer, content) == [
        ("content", "has no channel; set one of email, in_app and webhook")
    ]


@pytest.mark.parametrize("name", ["self", "loop", "none", "None", "true", "False", "not", "in"])
def test_a_name_that_templates_hide_is_refused(name: str) -> None:
    content = email(variables=declared(name))
    assert list(draft_violations(content, [])) == [
        FieldViolation(
            "content.variables[0].name", f"`{name}` means something in templates; rename it"
        )
    ]


@pytest.mark.parametrize(
    "name", ["context", "environment", "call", "block", "include", "macro", "range", "dict", "And"]
)
async def test_other_names_can_be_used(renderer: Renderer, name: str) -> None:
    content = email(
        "{{ NAME }}{% for x in NAME %}{% endfor %}".replace("NAME", name), variables=declared(name)
    )
    assert await violations(renderer, content) == []


def test_the_first_version_is_one() -> None:
    assert next_version(stored(email("a")), None) == 1


@pytest.mark.parametrize(
    ("newest", "version"),
    [(email("a"), 3), (email("b"), 4), (email("a", variables=declared("x")), 4), (in_app("a"), 4)],
)
def test_an_equal_draft_is_the_newest_version_again(newest: Content, version: int) -> None:
    assert next_version(stored(email("a"), latest_version=3), newest) == version


@pytest.mark.parametrize(("latest_version", "version"), [(0, 6), (6, 7)])
def test_versions_go_on_where_a_deleted_template_ended(latest_version: int, version: int) -> None:
    template = stored(email("a"), latest_version=latest_version, ended_version=5)
    assert next_version(template, None) == version
    assert next_version(template, email("b")) == version


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["email"], (declared("a"), {**email("new").sources, **webhook("1").sources})),
        (["webhook"], (declared("a"), email("old").sources)),
        (["in_app"], (declared("a"), {**email("old").sources, **in_app("new").sources, **webhook("1").sources})),
        (["variables"], (declared("b"), {**email("old").sources, **webhook("1").sources})),
        (DRAFT_PATHS, (declared("b"), {**email("new").sources, **in_app("new").sources})),
    ],
)  # fmt: skip
def test_a_part_of_a_draft_is_changed_or_removed(
    paths: Sequence[str], expected: tuple[object, object]
) -> None:
    draft = Content(
        variables=declared("a"), sources={**email("old").sources, **webhook("1").sources}
    )
    changes = Content(
        variables=declared("b"), sources={**email("new").sources, **in_app("new").sources}
    )
    merged = merge(draft, changes, paths)
    assert (merged.variables, merged.sources) == expected


def test_channels_are_named_as_in_the_contract() -> None:
    assert [channel.value for channel in Channel] == ["email", "in_app", "webhook"]
