"""A compiled source, and what goes wrong when it is rendered, told without any variable's value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jinja2 import Template, UndefinedError
from jinja2.exceptions import SecurityError

from services.template.clients.budget import Budget, BudgetExceeded, ShareExceeded
from services.template.clients.metering import meter
from services.template.clients.operators import NumberTooLarge
from services.template.clients.sandbox import BudgetedContext, Sandbox
from services.template.clients.syntax import SourceRefused, read

_MAX_NAME = 64
# The source, and the texts in what was compiled; measured, like the bytes of a node.
_BYTES_PER_CHARACTER = 2
_BYTES_PER_NODE = 100


class RenderingFailed(Exception):
    """A source does not render; says where and why."""


class _OutputTooLarge(Exception):
    """The result is larger than its place allows."""


@dataclass(slots=True, kw_only=True)
class Compiled:
    """A source that can be rendered any number of times."""

    template: Template
    sandbox: Sandbox
    used: Mapping[str, int]
    """Names that it takes from outside, with the line of the first use."""
    words: frozenset[str]
    """Names and keys that the source itself holds."""
    size: int
    """About how many bytes it takes to keep it with its source."""
    length: int
    """Characters of the source."""
    constant: str | None = None
    """What it renders to whatever the variables are, once that is known and no longer than the source."""

    def render(self, variables: dict[str, object], budget: Budget, *, max_bytes: int) -> str:
        """Returns the text; raises RenderingFailed, or ShareExceeded when the budget is one."""
        chunks: list[str] = []
        room = max_bytes
        try:
            for chunk in self._chunks(variables, budget):
                room -= len(chunk) if chunk.isascii() else _size(chunk)
                if room < 0:
                    raise _OutputTooLarge
                chunks.append(chunk)
            budget.show(max_bytes - room)
        except ShareExceeded:
            raise
        # Anything may come out of a template.
        except Exception as error:
            place = f"line {self._line(error)}"
            raise RenderingFailed(f"{place}: {self._explain(error, max_bytes)}") from error
        text = "".join(chunks)
        if not self.used and len(text) <= self.length:
            self.constant = text
        return text

    def _chunks(self, variables: dict[str, object], budget: Budget) -> Iterable[str]:
        if self.constant is not None:
            return (self.constant,)
        return self.template.root_render_func(BudgetedContext(self.sandbox, variables, budget))

    def _line(self, error: Exception) -> int:
        """Returns the innermost line of the source that the error came through."""
        line = 1
        step = error.__traceback__
        while step is not None:
            if step.tb_frame.f_globals is self.template.root_render_func.__globals__:
                line = self.template.get_corresponding_lineno(step.tb_lineno)
            step = step.tb_next
        return line

    def _explain(self, error: Exception, max_bytes: int) -> str:
        """Tells what happened. An error's own text could quote a value, so it is not used."""
        match error:
            case UndefinedError():
                return f"{self._named(error)} is undefined"
            case SecurityError():
                return f"{self._named(error)} is out of reach for templates"
            case BudgetExceeded():
                return "does more work than one rendering may"
            case _OutputTooLarge():
                return f"renders to more than {max_bytes} bytes"
            case NumberTooLarge():
                return "computes with a number that is too large"
            case ZeroDivisionError():
                return "divides by zero"
            case TypeError():
                return "a value is of a kind that does not fit there"
            case _:
                return f"fails with {type(error).__name__}"

    def _named(self, error: Exception) -> str:
        """Quotes what was looked up if the source says it; a computed name could be a value."""
        name = str(error)
        return f"`{name[:_MAX_NAME]}`" if name in self.words else "what it looks up"


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def compile_source(sandbox: Sandbox, source: str) -> Compiled:
    """Compiles a source; raises SourceRefused."""
    syntax = read(sandbox, source)
    try:
        template = sandbox.from_string(meter(sandbox, syntax.tree))
    except (RecursionError, MemoryError, OverflowError, ValueError, SyntaxError):
        raise SourceRefused(1, "is too complex") from None
    return Compiled(
        template=template,
        sandbox=sandbox,
        used=syntax.used,
        words=syntax.words,
        length=len(source),
        size=_BYTES_PER_CHARACTER * len(source) + _BYTES_PER_NODE * syntax.nodes,
    )
