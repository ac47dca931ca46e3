"""Reads a source: lets through the harmless part of Jinja2, and makes the rest of it pay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isinf

from jinja2 import TemplateSyntaxError, nodes
from jinja2.meta import TrackingCodeGenerator

from services.template.clients.operators import MAX_BITS
from services.template.clients.sandbox import Sandbox

_MAX_TOKENS = 10_000
_MAX_DEPTH = 60
_MAX_SENTENCE = 200
_NODES = """
    Template Output TemplateData If For With Assign Scope
    Name Const List Tuple Dict Pair Keyword CondExpr Filter Test Call Getattr Getitem Slice
    Add Sub Mul Div FloorDiv Mod Pow Neg Pos And Or Not Concat Compare Operand
"""
_ALLOWED = frozenset(_NODES.split())
_NAMES = {
    "AssignBlock": "set` with `endset",
    "FilterBlock": "filter",
    "ScopedEvalContextModifier": "autoescape",
    "CallBlock": "call",
    "FromImport": "from",
    "NSRef": "namespace",
}


class SourceRefused(Exception):
    """A source does not compile; says where and why, in words of its own text only."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(f"line {line}: {sentence[:_MAX_SENTENCE]}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Syntax:
    """A source that may be compiled."""

    tree: nodes.Template
    used: dict[str, int]
    """Names taken from outside, with the line of the first use, in that order."""
    words: frozenset[str]
    """Names and keys that the source itself holds, so that messages may repeat them."""
    nodes: int
    """How much there is to compile."""


def read(sandbox: Sandbox, source: str) -> Syntax:
    """Returns what a source says; raises SourceRefused."""
    try:
        _check_length(sandbox, source)
        tree = sandbox.parse(source)
        count = 0
        for node in _walk(tree):
            _check(sandbox, node)
            count += 1
        outside = _names_from_outside(sandbox, tree)
    except TemplateSyntaxError as error:
        raise SourceRefused(error.lineno, error.message or "is not a template") from None
    except (RecursionError, MemoryError, OverflowError, ValueError):
        raise SourceRefused(1, "is too complex") from None
    lines = sorted((node.lineno, node.name) for node in tree.find_all(nodes.Name))
    first_lines = dict(reversed([(name, line) for line, name in lines if name in outside]))
    return Syntax(
        tree=tree,
        used=dict(reversed(first_lines.items())),
        words=frozenset(_words(tree)),
        nodes=count,
    )


def _check_length(sandbox: Sandbox, source: str) -> None:
    for count, (line, _, _) in enumerate(sandbox.lex(source)):
        if count > _MAX_TOKENS:
            raise SourceRefused(line, "here the template becomes too long; use fewer expressions")


def _walk(tree: nodes.Template) -> Iterator[nodes.Node]:
    waiting: list[tuple[nodes.Node, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > _MAX_DEPTH:
            raise SourceRefused(node.lineno, "is nested too deeply")
        yield node
        children = [(child, depth + 1) for child in node.iter_child_nodes()]
        waiting.extend(reversed(children))


def _check(sandbox: Sandbox, node: nodes.Node) -> None:
    problem = None
    match node:
        case nodes.Filter() if node.name not in sandbox.filters:
            problem = f"there is no filter `{node.name}`"
        case nodes.Test() if node.name not in sandbox.tests:
            problem = f"there is no test `{node.name}`"
        case nodes.For() if node.recursive:
            problem = "loops cannot be recursive"
        case nodes.Name() if node.name == "self":
            problem = "there is no `self`"
        case nodes.Const() if _is_too_large(node.value):
            problem = "this number is too large"
        case _ if type(node).__name__ not in _ALLOWED:
            kind = type(node).__name__
            problem = f"there is no `{_NAMES.get(kind, kind.lower())}` here"
    if problem is not None:
        raise SourceRefused(node.lineno, problem)


def _names_from_outside(sandbox: Sandbox, tree: nodes.Template) -> set[str]:
    """Does what `jinja2.meta.find_undeclared_variables` does, but works no constants out."""
    generator = TrackingCodeGenerator(sandbox)
    generator.optimizer = None
    generator.visit(tree)
    return generator.undeclared_identifiers


def _is_too_large(constant: object) -> bool:
    if isinstance(constant, int):
        return constant.bit_length() > MAX_BITS
    return isinstance(constant, float) and isinf(constant)


def _words(tree: nodes.Template) -> Iterator[str]:
    for node in _walk(tree):
        match node:
            case nodes.Name():
                yield node.name
            case nodes.Getattr():
                yield node.attr
            case nodes.Const(value=str() as text):
                yield text
