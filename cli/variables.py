"""Values given as `name=value` on the command line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NoReturn

import typer


def parse_pairs(pairs: Iterable[str], option: str) -> dict[str, str]:
    """Splits each `name=value`; raises a usage error for one without a name or given twice."""
    values: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{option} takes name=value, not {pair!r}")
        if name in values:
            raise typer.BadParameter(f"{option} gives {name!r} twice")
        values[name] = value
    return values


def parse_variables(typed: Iterable[str], texts: Iterable[str] = ()) -> dict[str, Any]:
    """Returns a template's variables from `--var` (JSON where it is JSON) and `--string`."""
    variables: dict[str, Any] = {
        name: parse_value(value) for name, value in parse_pairs(typed, "--var").items()
    }
    for name, value in parse_pairs(texts, "--string").items():
        if name in variables:
            raise typer.BadParameter(f"{name!r} is given by --var and by --string")
        variables[name] = value
    return variables


def parse_value(text: str) -> Any:
    """Returns `true`, `null`, numbers, lists and objects as such, and anything else as text.

    A number that would be written differently afterwards stays text too: `12.50`, `007`, `1e5`,
    and integers that a double cannot hold.
    """
    try:
        value = json.loads(text, parse_constant=_refuse)
    except ValueError:
        return text
    if isinstance(value, str):
        return text
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value if _survives(text, value) else text
    return value


def _survives(text: str, number: float) -> bool:
    try:
        as_double = float(number)
    except OverflowError:
        return False
    return json.dumps(number) == text and json.dumps(type(number)(as_double)) == text


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
