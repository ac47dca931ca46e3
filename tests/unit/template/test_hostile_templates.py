"""Templates that want to break out, fill the memory or never end: each is refused or fails, soon and cleanly."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from services.template.clients.compiled import RenderingFailed
from services.template.clients.syntax import SourceRefused
from tests.unit.template.hostile import (
    BREAKING_OUT,
    ENDLESS,
    LARGE_AT_ONCE,
    LARGE_BY_DOUBLING,
    TOO_LONG,
    VARIABLES,
    doubling,
    each,
)
from tests.unit.template.rendering import render

# Of the processor: how long it takes on a busy machine says nothing.
MOST_SECONDS = 2.0
MOST_BYTES = 64 << 20


@pytest.mark.parametrize(
    "source",
    BREAKING_OUT + LARGE_AT_ONCE + LARGE_BY_DOUBLING + ENDLESS + TOO_LONG,
    ids=lambda source: source[:60],
)
def test_a_hostile_template_is_refused_or_fails(source: str) -> None:
    began = time.thread_time()
    with pytest.raises((SourceRefused, RenderingFailed)) as caught:
        render(source, VARIABLES, escaped=True)
    assert time.thread_time() - began < MOST_SECONDS
    assert str(caught.value).startswith("line ")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(("depth", "refused"), [(40, False), (80, True)])
def test_how_deep_a_source_goes_does_not_depend_on_who_compiles_it(
    depth: int, refused: bool
) -> None:
    source = "{{ " + "not " * depth + "1 }}"
    if not refused:
        assert render(source) == "True"
        return
    with pytest.raises(SourceRefused, match="is nested too deeply"):
        render(source)


@pytest.mark.parametrize("escaped", [False, True])
def test_the_sandbox_holds_nothing(escaped: bool) -> None:
    with pytest.raises(RenderingFailed, match="`lipsum` is undefined"):
        render("{{ lipsum }}", escaped=escaped)


def test_the_result_is_bounded() -> None:
    assert render("{{ n }}" * 10, {"n": "ä"}, max_bytes=20) == "ä" * 10
    with pytest.raises(RenderingFailed, match="renders to more than 19 bytes"):
        render("{{ n }}" * 10, {"n": "ä"}, max_bytes=19)


def test_an_honest_large_template_renders() -> None:
    lines = [{"name": f"Thing {number}", "price": number / 7} for number in range(1_000)]
    source = (
        "{% for line in order.lines %}<tr class=\"{{ loop.cycle('even', 'odd') }}\"><td>{{ loop.index }}</td>"
        "<td>{{ line.name|title }}</td><td>{% if line.price > 10 %}{{ '%.2f'|format(line.price) }}"
        "{% else %}{{ line.note|default('cheap') }}{% endif %}</td></tr>{% endfor %}"
        "{{ '%.2f'|format(order.lines|sum(attribute='price')) }}"
    )
    rendered = render(source, {"order": {"lines": lines}}, escaped=True)
    assert rendered.count("<tr") == 1_000
    # 0 + 1 + … + 999 = 499500; / 7 = 71357.142…
    assert rendered.endswith("</tr>71357.14")


@pytest.mark.parametrize(
    "source",
    [
        *LARGE_AT_ONCE,
        doubling("a ~ a"),
        doubling("[a, a]"),
        "{{ (text|upper).split('X')|length }}",
        "{{ ('x ' * 400000).split(' ')|map('upper')|list|length }}",
        "{{ ('\U0001f600' * 90000)|urlencode|length }}",
        "{{ ('\U0001f600' * 90000)|tojson|length }}",
        "{{ ('&' * 400000)|e|e|forceescape|length }}",
        each("{% set y = x|string|list %}"),
    ],
    ids=lambda source: source[:60],
)
def test_a_hostile_template_takes_little_memory(source: str) -> None:
    tracemalloc.start()
    try:
        render(source, VARIABLES, escaped=True)
    except (SourceRefused, RenderingFailed):
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < MOST_BYTES


@pytest.mark.parametrize(
    "source",
    [
        "{% set a = [1] %}" + "{% set a = [a] %}" * 600 + "{{ a|tojson }}",
        "{% set a = [1] %}" + "{% set a = [a] %}" * 600 + "{{ a }}",
        "{% set a = (1,) %}" + "{% set a = (a,) %}" * 600 + "{{ {a: 1}|length }}",
        "{% set a = [1] %}{% set b = [1] %}"
        + "{% set a=[a] %}{% set b=[b] %}" * 420
        + "{{ a == b }}",
    ],
)
def test_values_do_not_nest_too_deeply_for_python(source: str) -> None:
    with pytest.raises(RenderingFailed, match="does more work than one rendering may"):
        render(source)
