"""Jinja2's sandbox, with nothing in it but the variables of the rendering."""

from __future__ import annotations

from types import BuiltinMethodType, MethodType
from typing import Any, NoReturn

from jinja2 import StrictUndefined, Undefined
from jinja2.exceptions import SecurityError
from jinja2.filters import _GroupTuple as Group
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from services.template.clients import operators
from services.template.clients.budget import Budget
from services.template.clients.filters import HIDDEN, make_filters, make_tests, printed
from services.template.clients.paying import budget_of

# All that templates reach of an object beside its items.
_ATTRIBUTES: dict[type, str] = {
    str: "capitalize endswith lower split startswith title upper",
    dict: "get items keys values",
    Group: "grouper list",
    LoopContext: """
        changed cycle depth depth0 first index index0 last length nextitem previtem revindex revindex0
    """,
}
_REACHED = [(kind, frozenset(names.split())) for kind, names in _ATTRIBUTES.items()]


class Missing(StrictUndefined):
    """Fails when it is used, with its name for a message; the name may be a variable's value."""

    @property
    def _undefined_message(self) -> str:
        return str(self._undefined_name)

    def __repr__(self) -> str:
        # A list prints what it holds by repr, and would hide it.
        return str(self)


def _refuse_json(value: object) -> NoReturn:
    if isinstance(value, Undefined):
        # It fails with its name.
        str(value)
    raise TypeError("JSON has nothing of this kind")


class BudgetedContext(Context):
    """The context of one rendering, which pays for its work from one budget."""

    def __init__(self, sandbox: Sandbox, variables: dict[str, Any], budget: Budget) -> None:
        # There is one for each text that is sent, so what never changes is shared: the variables, and how
        # to escape, which only tags could change that are not let through.
        self.environment = sandbox
        self.parent = variables
        self.vars = {}
        self.eval_ctx = sandbox.eval_ctx
        self.exported_vars = set()
        self.name = None
        self.globals_keys = set()
        self.blocks = {}
        self.budget = budget


class Sandbox(ImmutableSandboxedEnvironment):
    """Compiles and renders sources that nobody trusts."""

    intercepted_binops = operators.NAMES

    def __init__(self, *, escaped: bool) -> None:
        super().__init__(
            autoescape=escaped,
            undefined=Missing,
            finalize=printed,
            optimized=False,
            cache_size=0,
        )
        self.eval_ctx = EvalContext(self)
        self.policies["json.dumps_kwargs"] = {"sort_keys": True, "default": _refuse_json}
        self.globals.clear()
        self.filters.clear()
        self.filters.update(make_filters())
        self.tests.clear()
        self.tests.update(make_tests())

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Returns `obj.attribute`; what a mapping holds comes before its methods, so `order.items` works."""
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Says whether templates reach an attribute: only those that are listed here."""
        return any(isinstance(obj, kind) and attr in names for kind, names in _REACHED)

    def is_safe_callable(self, obj: Any) -> bool:
        """Says whether templates may call something: only methods that they may reach."""
        if not isinstance(obj, (BuiltinMethodType, MethodType)):
            return False
        return self.is_safe_attribute(obj.__self__, obj.__name__, obj)

    def wrap_str_format(self, value: Any) -> None:
        """Keeps Jinja2 from replacing `str.format` by its own; there is none here."""

    def call_filter(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Returns what a filter makes that is named by a text, as in `map('upper')`."""
        if name in HIDDEN:
            raise SecurityError(name)
        return super().call_filter(name, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Returns what a binary operator makes of two values."""
        if isinstance(left, Undefined) or isinstance(right, Undefined):
            return super().call_binop(context, operator, left, right)
        return operators.operate(budget_of(context), operator, left, right)
