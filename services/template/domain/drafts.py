"""What a draft must satisfy to be stored, and what publishing one means."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from libs.errors import FieldViolation
from services.template.domain.models import Channel, Content, Template, Variable
from services.template.domain.parts import Part

# Names that Jinja2 gives a meaning of its own, so that a variable would be hidden by it.
_CONSTANTS = {"True", "False", "None", "true", "false", "none"}
_OPERATORS = {"and", "or", "not", "in", "is", "if", "else"}
_TAKEN = _CONSTANTS | _OPERATORS | {"self", "loop"}
_MAX_NAME = 64
VARIABLES = "variables"
DRAFT_PATHS = (VARIABLES, *(channel.value for channel in Channel))
"""What of a draft can be changed by itself."""
# What Jinja2 offers elsewhere and does not here.
_GONE = {"range", "dict", "lipsum", "cycler", "joiner", "namespace"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What one source turned out to be."""

    part: Part
    refusal: str | None = None
    """Why it does not compile, or can never be rendered."""
    used: Mapping[str, int] = field(default_factory=dict)
    """Names that it takes from outside, with the line of the first use."""


def draft_violations(
    content: Content, inspections: Sequence[Inspection]
) -> Iterator[FieldViolation]:
    """Yields what is wrong with a draft, each with where and how to mend it."""
    if not content.sources:
        yield FieldViolation("content", "has no channel; set one of email, in_app and webhook")
    yield from _declaration_violations(content.variables)
    declared = {variable.name for variable in content.variables}
    for inspection in inspections:
        path = inspection.part.path
        if inspection.refusal is not None:
            yield FieldViolation(path, inspection.refusal)
        for name, line in inspection.used.items():
            if name not in declared:
                yield FieldViolation(path, f"line {line}: {_undeclared_sentence(name)}")


def merge(draft: Content, changes: Content, paths: Collection[str]) -> Content:
    """Returns a draft with `variables` or a channel's sources as in `changes`; a channel not set there is removed."""
    sources = {
        channel: given[channel]
        for channel in Channel
        if channel in (given := (changes if channel.value in paths else draft).sources)
    }
    variables = (changes if VARIABLES in paths else draft).variables
    return Content(variables=variables, sources=sources)


def next_version(template: Template, newest: Content | None) -> int:
    """Returns the version that publishing gives: the newest again when nothing changed since."""
    if template.content == newest:
        return template.latest_version
    return max(template.latest_version, template.ended_version) + 1


def _undeclared_sentence(name: str) -> str:
    if name in _GONE:
        return f"there is no `{name}` here"
    return f"uses `{name[:_MAX_NAME]}`, which is not declared; add it to content.variables"


def _declaration_violations(variables: Sequence[Variable]) -> Iterator[FieldViolation]:
    seen = set()
    for index, variable in enumerate(variables):
        path = f"content.variables[{index}].name"
        if variable.name in seen:
            yield FieldViolation(path, f"`{variable.name}` is declared twice; remove one")
        if variable.name in _TAKEN:
            yield FieldViolation(path, f"`{variable.name}` means something in templates; rename it")
        seen.add(variable.name)
