"""How filters and tests pay for their work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context

from services.template.clients.budget import Budget

Function = Callable[..., Any]


def budget_of(context: Context) -> Budget:
    """Returns the budget of the rendering in progress."""
    # Every context of the sandbox has one.
    budget: Budget = context.budget  # type: ignore[attr-defined]
    return budget


def charge_values(budget: Budget, *values: Any) -> None:
    """Takes the steps for all that the values hold."""
    budget.charge(*values)


def charge_items(budget: Budget, items: Any, *values: Any) -> None:
    """Takes them too, but every character of a text as an item, which it is to filters of items."""
    if isinstance(items, str):
        budget.spend(len(items))
    budget.charge(items, *values)


def charge_look_ups(budget: Budget, items: Any, attribute: Any) -> None:
    """Takes the steps for looking an attribute up in every item; `a.b,c` are three."""
    if isinstance(attribute, str):
        parts = 1 + attribute.count(".") + attribute.count(",")
        budget.spend(parts * len(items))


def charge_glance(budget: Budget, *_: Any) -> None:
    """Takes one step: the outside of a value is seen at once."""
    budget.spend(1)


def paid(
    function: Function,
    *,
    cost: Callable[..., None] = charge_values,
    attribute: int | None = None,
) -> Function:
    """Wraps a function that makes nothing much larger than what it is given.

    `attribute` is the position of an argument, called so or not, that is looked up in every item. Passing
    the context keeps Jinja2 from calling the function when it compiles.
    """

    @pass_context
    def call(context: Context, *args: Any, **kwargs: Any) -> Any:
        budget = budget_of(context)
        cost(budget, *args, *kwargs.values())
        if attribute is not None:
            wanted = args[attribute] if len(args) > attribute else kwargs.get("attribute")
            charge_look_ups(budget, args[0], wanted)
        result = function(*_leading(function, context), *args, **kwargs)
        # An iterator would do its work later, where nobody pays.
        return list(budget.each(result)) if isinstance(result, Iterator) else result

    return call


def _leading(function: Function, context: Context) -> tuple[object, ...]:
    """Returns what Jinja2 would pass in front of the value."""
    kind = getattr(function, "jinja_pass_arg", None)
    if kind is None:
        return ()
    passed = {
        "context": context,
        "eval_context": context.eval_ctx,
        "environment": context.environment,
    }
    return (passed[kind.name],)
