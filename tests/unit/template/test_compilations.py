"""What is kept of compiled sources."""

from __future__ import annotations

import tracemalloc

import pytest

from services.template.clients.compilations import Compilations


def test_what_was_used_last_is_kept() -> None:
    size = Compilations().get("1 {{ x }}", False).size
    compilations = Compilations(most_bytes=2 * size)
    one, two = (compilations.get(f"{number} {{{{ x }}}}", False) for number in (1, 2))
    assert compilations.get("1 {{ x }}", False) is one
    compilations.get("3 {{ x }}", False)
    assert compilations.get("1 {{ x }}", False) is one
    assert compilations.get("2 {{ x }}", False) is not two


def test_text_and_html_are_told_apart() -> None:
    compilations = Compilations()
    assert compilations.get("{{ x }}", False) is not compilations.get("{{ x }}", True)


def test_what_is_too_large_to_be_kept_is_compiled_all_the_same() -> None:
    compilations = Compilations(most_bytes=1)
    assert compilations.get("{{ x }}", False).render({"x": "1"}, max_bytes=9) == "1"
    assert compilations.get("{{ x }}", False).render({"x": "2"}, max_bytes=9) == "2"


@pytest.mark.parametrize("source", ["x" * 200_000, "{{ n }}" * 2_000, "{{ n.upper() }}" * 1_000])
def test_the_size_is_about_what_it_takes(source: str) -> None:
    compilations = Compilations()
    compilations.get("warm {{ n.upper() }}", False)
    tracemalloc.start()
    try:
        compiled = compilations.get(source, False)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken / 4 < compiled.size + len(source) < taken * 4
