"""The filters and tests that templates may use: Jinja2's harmless ones, each paying for its work.

Left out: `center`, `indent`, `wordwrap`, `batch`, `slice`, `xmlattr`, `pprint` and `urlize`, which make
much out of little; `random`, because a repeated rendering must give the same; `attr`; `safe`, because
variables are escaped in HTML without exception; `striptags`, whose time grows with the square.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import Undefined, filters, pass_context, tests
from jinja2.runtime import Context

from services.template.clients.operators import divides, format_percent, small, whole_number
from services.template.clients.paying import (
    Function,
    budget_of,
    charge_glance,
    charge_items,
    charge_look_ups,
    paid,
)

CHARGE = "*charge"
"""Pays for a value and returns it. The asterisk keeps templates from writing it; see `Sandbox.call_filter`."""
JOIN = "*join"
"""Pays for a value that `~` copies; none becomes nothing, as when it is printed."""
EACH = "*each"
"""Pays for every item of an iteration."""
HIDDEN = (CHARGE, JOIN, EACH)

_OF_VALUES = "abs capitalize e escape filesizeformat float forceescape lower string title truncate upper urlencode"
_OF_ITEMS = "dictsort items list reject reverse select"
# Where each takes the attribute that it looks up; `map` only by name.
_OF_ATTRIBUTES = {
    "groupby": 1,
    "map": 1,
    "max": 2,
    "min": 2,
    "rejectattr": 1,
    "selectattr": 1,
    "sort": 3,
    "unique": 2,
}
_GLANCES = "count first last length"
_TESTS = """
    boolean defined eq equalto false float ge greaterthan gt in integer iterable le lessthan lower lt
    mapping ne none number sequence string true undefined upper == != > >= < <=
"""
_MAX_TRIMMED = 100
_MAX_PRECISION = 30

# Jinja2 types these more narrowly than they are.
_FILTERS: Mapping[str, Any] = filters.FILTERS
_TESTED: Mapping[str, Any] = tests.TESTS


def make_filters() -> dict[str, Function]:
    """Returns the filters by name."""
    return {
        **{name: paid(_FILTERS[name]) for name in _OF_VALUES.split()},
        **{name: paid(_FILTERS[name], cost=charge_items) for name in _OF_ITEMS.split()},
        **{
            name: paid(_FILTERS[name], cost=charge_items, attribute=position)
            for name, position in _OF_ATTRIBUTES.items()
        },
        **{name: paid(_FILTERS[name], cost=charge_glance) for name in _GLANCES.split()},
        "d": pass_context(_default),
        "default": pass_context(_default),
        "format": pass_context(_format),
        "int": paid(whole_number),
        "join": pass_context(_join),
        "replace": pass_context(_replace),
        "round": paid(_round),
        "sum": pass_context(_sum),
        "tojson": pass_context(_to_json),
        "trim": paid(_trim),
        CHARGE: pass_context(_charge),
        JOIN: pass_context(_joined),
        EACH: pass_context(_each),
    }


def make_tests() -> dict[str, Function]:
    """Returns the tests by name."""
    return {
        **{name: paid(_TESTED[name]) for name in _TESTS.split()},
        "divisibleby": paid(divides),
        "even": paid(lambda number: divides(number, 2)),
        "odd": paid(lambda number: not divides(number, 2)),
    }


@pass_context
def printed(context: Context, value: Any) -> Any:
    """Returns what is printed for a value: for none, nothing.

    Passing the context also keeps Jinja2 from working constants out when it compiles.
    """
    if value is None:
        return ""
    budget = budget_of(context)
    if isinstance(value, str):
        # Before it is escaped, which takes as long as it is.
        budget.show(len(value))
    elif isinstance(value, (int, float)):
        budget.spend(1)
    else:
        budget.charge(value)
    return value


def _joined(context: Context, value: Any) -> Any:
    budget_of(context).charge(value)
    return "" if value is None else value


def _charge(context: Context, value: Any) -> Any:
    budget_of(context).charge(value)
    return value


def _each(context: Context, items: Any, steps: int) -> Iterator[Any]:
    return budget_of(context).each(items, steps)


def _default(context: Context, value: Any, default: Any = "", boolean: bool = False) -> Any:
    """Like Jinja2's, but none counts as missing too: that is what an optional variable is when left out."""
    budget_of(context).spend(1)
    missing = isinstance(value, Undefined) or value is None
    return default if missing or (boolean and not value) else value


def _format(context: Context, text: Any, *args: Any, **kwargs: Any) -> str:
    return format_percent(budget_of(context), str(text), kwargs or args)


def _join(context: Context, items: Any, separator: str = "", attribute: Any = None) -> Any:
    budget = budget_of(context)
    charge_items(budget, items, separator)
    held = list(items)
    charge_look_ups(budget, held, attribute)
    budget.spend_characters(len(held) * len(str(separator)))
    return filters.sync_do_join(context.eval_ctx, held, separator, attribute)


def _replace(context: Context, text: Any, old: Any, new: Any, count: int | None = None) -> Any:
    budget = budget_of(context)
    budget.charge(text, old, new)
    # Escaping makes at most six characters of one.
    found = str(text).count(str(old))
    budget.spend_characters(found * 6 * len(str(new)))
    return filters.do_replace(context.eval_ctx, text, old, new, count)


def _round(value: float, precision: int = 0, method: Any = "common") -> float:
    if abs(precision) > _MAX_PRECISION:
        raise ValueError("round takes a precision of at most 30")
    return filters.do_round(value, precision, method)


def _sum(context: Context, items: Any, attribute: str | int | None = None, start: Any = 0) -> Any:
    budget = budget_of(context)
    charge_items(budget, items)
    if attribute is not None:
        charge_look_ups(budget, items, attribute)
        items = [filters.make_attrgetter(context.environment, attribute)(item) for item in items]
    # Lists can be added too, one copy for each.
    held = [start, *items]
    if not all(isinstance(item, (int, float)) for item in held):
        raise TypeError("sum takes numbers")
    return small(sum(held))


def _to_json(context: Context, value: Any) -> Any:
    budget_of(context).charge(value)
    text = filters.do_tojson(context.eval_ctx, value)
    # Outside of HTML it is no markup, which would escape what is joined to it.
    return text if context.eval_ctx.autoescape else str(text)


def _trim(value: Any, characters: str | None = None) -> str:
    if characters is not None and len(characters) > _MAX_TRIMMED:
        raise ValueError("trim takes at most 100 characters")
    return filters.do_trim(value, characters)
