"""What is kept of compiled sources."""

from __future__ import annotations

import tracemalloc

import pytest

from services.template.clients.budget import Budget
from services.template.clients.compilations import Compilations
from services.template.clients.compiled import Compiled


def kept(compilations: Compilations, source: str, escaped: bool = False) -> Compiled:
    compiled = compilations.compile(source, escaped)
    compilations.keep(source, escaped, compiled)
    return compiled


def test_what_was_used_last_is_kept() -> None:
    size = Compilations().compile("1 {{ x }}", False).size
    compilations = Compilations(most_bytes=2 * size)
    one = kept(compilations, "1 {{ x }}")
    kept(compilations, "2 {{ x }}")
    assert compilations.find("1 {{ x }}", False) is one
    kept(compilations, "3 {{ x }}")
    assert compilations.find("1 {{ x }}", False) is one
    assert compilations.find("2 {{ x }}", False) is None


def test_what_two_compiled_at_once_takes_its_room_once() -> None:
    size = Compilations().compile("1 {{ x }}", False).size
    compilations = Compilations(most_bytes=2 * size)
    for number in (1, 2, 2, 2):
        kept(compilations, f"{number} {{{{ x }}}}")
    assert compilations.find("1 {{ x }}", False) is not None


def test_text_and_html_are_told_apart() -> None:
    compilations = Compilations()
    kept(compilations, "{{ x }}")
    assert compilations.find("{{ x }}", True) is None


def test_what_is_too_large_is_not_kept() -> None:
    compilations = Compilations(most_bytes=1)
    kept(compilations, "{{ x }}")
    assert compilations.find("{{ x }}", False) is None


def test_what_uses_no_variable_is_rendered_once() -> None:
    compiled = Compilations().compile("a{# none #}b\n\n", False)
    assert [compiled.render({}, Budget(), max_bytes=9) for _ in range(2)] == ["ab\n", "ab\n"]
    assert compiled.constant == "ab\n"
    with_variable = Compilations().compile("{{ x }}", False)
    assert [with_variable.render({"x": x}, Budget(), max_bytes=9) for x in "ab"] == ["a", "b"]


def test_little_that_makes_much_is_not_kept_rendered() -> None:
    compiled = Compilations().compile("{{ 'a' * 1000 }}", False)
    assert compiled.render({}, Budget(), max_bytes=1000) == "a" * 1000
    assert compiled.constant is None


@pytest.mark.parametrize("source", ["x" * 200_000, "{{ n }}" * 2_000, "{{ n.upper() }}" * 1_000])
def test_the_size_is_about_what_it_takes(source: str) -> None:
    compilations = Compilations()
    kept(compilations, "warm {{ n.upper() }}")
    tracemalloc.start()
    try:
        compiled = kept(compilations, source)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken / 4 < compiled.size + len(source) < taken * 4
