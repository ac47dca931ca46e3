"""What a draft must satisfy, and what publishing one means."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from libs.errors import FieldViolation
from services.template.clients.renderer import Renderer
from services.template.domain.drafts import draft_violations, next_version
from services.template.domain.models import Channel, Content
from tests.unit.template.contents import declared, email, in_app


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    with ThreadPoolExecutor(max_workers=1) as executor:
        yield Renderer(executor)


async def violations(renderer: Renderer, content: Content) -> list[tuple[str, str]]:
    found = draft_violations(content, await renderer.inspect(content))
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


async def test_what_templates_lack_is_not_asked_to_be_declared(renderer: Renderer) -> None:
    content = email("{{ range(3) }}")
    assert await violations(renderer, content) == [
        ("content.email.subject", "line 1: there is no `range` here")
    ]


async def test_a_draft_needs_a_channel(renderer: Renderer) -> None:
    content = Content(variables=(), sources={})
    assert await violations(renderer, content) == [
        ("content", "has no channel; set email, in_app or both")
    ]


@pytest.mark.parametrize("name", ["self", "loop", "none", "None", "true", "False", "not"])
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
    assert next_version(email("a"), None, 0) == 1


@pytest.mark.parametrize(
    ("newest", "version"),
    [(email("a"), 3), (email("b"), 4), (email("a", variables=declared("x")), 4), (in_app("a"), 4)],
)
def test_an_equal_draft_is_the_newest_version_again(newest: Content, version: int) -> None:
    assert next_version(email("a"), newest, 3) == version


def test_channels_are_named_as_in_the_contract() -> None:
    assert [channel.value for channel in Channel] == ["email", "in_app"]
