"""Whether the variables sent are those that a template declares."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.template.domain.models import DRAFT, Variable

_MOST_NAMES = 8
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """What is wrong with the variables sent; names only."""

    missing: tuple[str, ...]
    """Needed, in the order of their declaration."""
    unknown: tuple[str, ...]
    """Sent, but not declared."""
    declared: tuple[str, ...]
    sent: tuple[str, ...]
    """The declared ones first."""


def lacks(declared: Iterable[Variable], sent: Collection[str]) -> bool:
    """Says whether a variable that is needed was not sent."""
    for variable in declared:  # noqa: SIM110 - a generator for each message takes longer
        if not variable.optional and variable.name not in sent:
            return True
    return False


def find_mismatch(declared: Sequence[Variable], sent: Iterable[str]) -> Mismatch | None:
    """Returns what is missing and what is unknown; None when all is well."""
    names = set(sent)
    known = tuple(variable.name for variable in declared)
    missing = tuple(v.name for v in declared if not v.optional and v.name not in names)
    # Sent names come in no order; without one the same mistake would read differently each time.
    unknown = tuple(sorted(names.difference(known)))
    if not missing and not unknown:
        return None
    recognised = tuple(name for name in known if name in names)
    return Mismatch(missing=missing, unknown=unknown, declared=known, sent=(*recognised, *unknown))


def mismatch_sentence(label: str, mismatch: Mismatch) -> str:
    """Tells the sender what to change.

    For example: order-shipped v3 needs `tracking_url`; you sent `order`, `name`.
    """
    if not mismatch.missing:
        taken = f"it takes {_listed(mismatch.declared)}"
        return f"{label} has no variable {_listed(mismatch.unknown)}; {taken}"
    needed = f"{label} needs {_listed(mismatch.missing)}"
    if mismatch.unknown:
        needed += f" and has no variable {_listed(mismatch.unknown)}"
    return f"{needed}; you sent {_listed(mismatch.sent)}"


def bind(declared: Sequence[Variable], sent: Mapping[str, object]) -> dict[str, object]:
    """Returns what a template sees: every declared variable and nothing else."""
    return {variable.name: sent.get(variable.name) for variable in declared}


def version_label(name: str, version: int) -> str:
    """Names a version, or the draft, in a sentence."""
    return f"the draft of {name}" if version == DRAFT else f"{name} v{version}"


def _listed(names: Collection[str]) -> str:
    shown = [f"`{name[:_LONGEST_NAME]}`" for name in list(names)[:_MOST_NAMES]]
    if len(names) > len(shown):
        shown.append(f"{len(names) - len(shown)} more")
    return ", ".join(shown) or "none"
