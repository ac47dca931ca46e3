"""Changes a template so that what Jinja2 does by itself is paid for: loops, comparisons, copies.

Operators, filters, tests and printing pay where they are defined; see `operators`, `filters`, `sandbox`.
"""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import nodes

from services.template.clients.filters import CHARGE, EACH, JOIN
from services.template.clients.sandbox import Sandbox

_NODES_PER_STEP = 4


def meter(sandbox: Sandbox, tree: nodes.Template) -> nodes.Template:
    """Returns the template, changed in place."""
    for node in list(tree.find_all(nodes.Node)):
        _meter(node)
    tree.set_environment(sandbox)
    return tree


def _meter(node: nodes.Node) -> None:
    match node:
        case nodes.For():
            node.iter = _filtered(EACH, node.iter, [_steps_of_a_turn(node)])
        case nodes.Compare():
            # Comparing looks at all that both sides hold.
            node.expr = _charged(node.expr)
            for operand in node.ops:
                operand.expr = _charged(operand.expr)
        case nodes.Concat():
            # `~` copies, and so could double a text again and again.
            node.nodes = [_filtered(JOIN, part, []) for part in node.nodes]
        case nodes.List() | nodes.Tuple() if getattr(node, "ctx", "load") == "load":
            # What holds something twice doubles what looking at it costs, even for an error's text.
            node.items = _all_charged(node.items)
        case nodes.Pair():
            # Hashing looks at all that a key holds.
            node.key = _charged(node.key)
            node.value = _charged(node.value)
        case nodes.Getitem(arg=nodes.Slice()):
            # A slice is a copy. Of a constant too: Python warns of `1[:2]` when it sees one.
            node.node = _filtered(CHARGE, node.node, [])
        case nodes.Getitem():
            node.arg = _charged(node.arg)
        case nodes.Call() | nodes.Filter() | nodes.Test():
            _meter_call(node)


def _meter_call(node: nodes.Call | nodes.Filter | nodes.Test) -> None:
    # What `*` and `**` unpack is copied, whatever becomes of it.
    if node.dyn_args is not None:
        node.dyn_args = _charged(node.dyn_args)
    if node.dyn_kwargs is not None:
        node.dyn_kwargs = _charged(node.dyn_kwargs)
    if isinstance(node, nodes.Call):
        # A method looks at its object and its arguments; filters and tests pay for themselves.
        if isinstance(node.node, nodes.Getattr):
            node.node.node = _charged(node.node.node)
        node.args = _all_charged(node.args)
        for keyword in node.kwargs:
            keyword.value = _charged(keyword.value)


def _steps_of_a_turn(node: nodes.For) -> nodes.Const:
    """One turn costs as much as there is in the body."""
    repeated = [*node.body, *([node.test] if node.test else [])]
    held = sum(1 for part in repeated for _ in part.find_all(nodes.Node))
    return nodes.Const(1 + held // _NODES_PER_STEP, lineno=node.lineno)


def _all_charged(expressions: Sequence[nodes.Expr]) -> list[nodes.Expr]:
    return [_charged(expression) for expression in expressions]


def _charged(expression: nodes.Expr) -> nodes.Expr:
    if isinstance(expression, nodes.Const) and not isinstance(expression.value, str):
        return expression
    return _filtered(CHARGE, expression, [])


def _filtered(name: str, expression: nodes.Node, args: list[nodes.Expr]) -> nodes.Filter:
    return nodes.Filter(expression, name, args, [], None, None, lineno=expression.lineno)
