"""Whether the variables sent are those that are declared, and how senders are told."""

from __future__ import annotations

import pytest

from services.template.domain.variables import (
    bind,
    find_mismatch,
    mismatch_sentence,
    version_label,
)
from tests.unit.template.contents import declared


@pytest.mark.parametrize(
    ("names", "sent", "missing", "unknown"),
    [
        (["a"], [], ["a"], []),
        (["a", "b"], ["b"], ["a"], []),
        (["a"], ["a", "b", "c"], [], ["b", "c"]),
        (["a", "b?"], ["c"], ["a"], ["c"]),
        ([], ["a"], [], ["a"]),
    ],
)
def test_a_mismatch_names_what_is_wrong(
    names: list[str], sent: list[str], missing: list[str], unknown: list[str]
) -> None:
    mismatch = find_mismatch(declared(*names), sent)
    assert mismatch is not None
    assert (list(mismatch.missing), list(mismatch.unknown)) == (missing, unknown)


@pytest.mark.parametrize(
    ("names", "sent"), [([], []), (["a"], ["a"]), (["a?"], []), (["a", "b?"], ["b", "a"])]
)
def test_a_match_is_none(names: list[str], sent: list[str]) -> None:
    assert find_mismatch(declared(*names), sent) is None


@pytest.mark.parametrize(
    ("names", "sent", "sentence"),
    [
        (
            ["order", "name", "tracking_url"],
            ["order", "name"],
            "order-shipped v3 needs `tracking_url`; you sent `order`, `name`",
        ),
        # Whatever order they come in.
        (
            ["order", "name", "tracking_url"],
            ["z", "name", "b", "order"],
            (
                "order-shipped v3 needs `tracking_url` and has no variable `b`, `z`;"
                " you sent `order`, `name`, `b`, `z`"
            ),
        ),
        (["a", "b"], [], "order-shipped v3 needs `a`, `b`; you sent none"),
        (["a"], ["A"], "order-shipped v3 needs `a` and has no variable `A`; you sent `A`"),
        (["a"], ["a", "b"], "order-shipped v3 has no variable `b`; it takes `a`"),
        ([], ["b"], "order-shipped v3 has no variable `b`; it takes none"),
        (
            [],
            [f"v{number}" for number in range(11, 0, -1)],
            (
                "order-shipped v3 has no variable"
                " `v1`, `v10`, `v11`, `v2`, `v3`, `v4`, `v5`, `v6`, 3 more; it takes none"
            ),
        ),
        ([], ["x" * 100], f"order-shipped v3 has no variable `{'x' * 64}`; it takes none"),
    ],
)
def test_a_mismatch_is_told_in_a_sentence(names: list[str], sent: list[str], sentence: str) -> None:
    mismatch = find_mismatch(declared(*names), sent)
    assert mismatch is not None
    assert mismatch_sentence(version_label("order-shipped", 3), mismatch) == sentence


def test_the_draft_has_a_label_too() -> None:
    assert version_label("order-shipped", 0) == "the draft of order-shipped"


def test_a_template_sees_its_variables_and_no_others() -> None:
    assert bind(declared("a", "b?"), {"a": 1, "c": 2}) == {"a": 1, "b": None}
