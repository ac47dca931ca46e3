"""Finds out that a source can never render to JSON, whatever is sent, as far as its own text tells.

Read are the text and the places of values up to the first `if` or `for`, and up to the first value whose
place could hold more than a value. Assumed is that a value leaves nothing open that it did not open: a
template that needs a value to close its quotes would be open to everybody who can choose that value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from jinja2 import nodes

from services.template.clients.syntax import SourceRefused, Syntax
from services.template.domain.text import TextRefused, json_value

# A text is a value as well as a key.
_VALUE = '"value"'
# Whatever it stands behind, be it the beginning of an escape such as \\u.
_IN_TEXT = "0000"
_AFTER_VALUE = tuple(",}]")
_OPEN, _CLOSED = {"{": "}", "[": "]"}, {"}", "]"}
# Of a number or a literal that a value may go on with.
_WORD = re.compile(r"[A-Za-z0-9+.-]")
_UNFINISHED = re.compile(r"[A-Za-z0-9+.-]*\Z")
_SENTENCE = (
    "renders to no JSON whatever is sent: it breaks off here; texts and keys stand in double quotes,"
    " commas between and not after them, and values are written with the filter tojson"
)


def check_json_shape(syntax: Syntax) -> None:
    """Raises SourceRefused when a source can never render to one JSON value."""
    shape = _Shape()
    pieces = list(_pieces(syntax.tree.body))
    for place, piece in enumerate(pieces):
        if isinstance(piece, nodes.TemplateData):
            shape.add(piece.data, piece.lineno)
        elif piece is not None and (
            shape.takes_text or (shape.awaits(piece) and _is_alone(pieces, place, piece))
        ):
            shape.add(_IN_TEXT if shape.takes_text else _VALUE, piece.lineno)
        else:
            shape.check_beginning()
            return
    shape.check_whole()


def _pieces(body: Sequence[nodes.Node]) -> Iterator[nodes.Expr | None]:
    """Gives texts and values in order, None where it depends on what is sent how it goes on."""
    for node in body:
        if isinstance(node, nodes.Output):
            yield from node.nodes
        elif not isinstance(node, nodes.Assign):
            yield None


def _is_alone(pieces: Sequence[nodes.Expr | None], place: int, value: nodes.Expr) -> bool:
    """Says whether nothing beside a value can be part of it, such as the rest of a number, and whether it
    can be neither nothing nor more than one."""
    before, after = pieces[max(place - 1, 0) : place], pieces[place + 1 : place + 2]
    texts = [piece.data for piece in (*before, *after) if isinstance(piece, nodes.TemplateData)]
    if len(texts) < len(before) + len(after):
        return False
    left, right = texts[0] if before else "", texts[-1] if after else ""
    if _WORD.fullmatch(left[-1:]) or _WORD.fullmatch(right[:1]):
        return False
    is_last = place + len(after) + 1 == len(pieces)
    return _is_json(value) or right.lstrip()[:1] in _AFTER_VALUE or (is_last and not right.strip())


def _is_json(value: nodes.Expr) -> bool:
    return isinstance(value, nodes.Filter) and value.name == "tojson"


@dataclass(slots=True)
class _Shape:
    """What a source renders to, with stand-ins for values."""

    text: str = ""
    lines: list[tuple[int, int]] = field(default_factory=list)
    """Where in the text a piece begins, and on which line of the source."""
    _stack: list[str] = field(default_factory=list)
    _in_text: bool = False
    _escaped: bool = False

    def add(self, piece: str, line: int) -> None:
        """Appends text of the source."""
        self.lines.append((len(self.text), line))
        for character in piece:
            self._step(character)
        self.text += piece

    @property
    def takes_text(self) -> bool:
        """Whether what comes next stands between quotes, and after no lone backslash."""
        return self._in_text and not self._escaped

    def awaits(self, value: nodes.Expr) -> bool:
        """Says whether one value and no more may stand next; what tojson writes is never more."""
        before = self.text.rstrip()[-1:]
        is_place = before in (":", "[") or (before == "," and self._stack[-1:] == ["["])
        return is_place or _is_json(value)

    def check_whole(self) -> None:
        """Raises SourceRefused when this is no JSON value."""
        try:
            json_value(self.text)
        except TextRefused:
            raise SourceRefused(self._line(self._breaks_at(self.text)), _SENTENCE) from None

    def check_beginning(self) -> None:
        """Raises SourceRefused when no JSON value begins like this."""
        begun = _UNFINISHED.sub("", self.text)
        at = self._breaks_at(begun)
        if at < len(begun.rstrip()):
            raise SourceRefused(self._line(at), _SENTENCE)

    def _breaks_at(self, text: str) -> int:
        """Returns where a text stops being JSON: its end when only something lacks."""
        try:
            json.loads(text)
        except json.JSONDecodeError as error:
            return len(text) if error.msg.startswith("Unterminated") else error.pos
        except RecursionError:
            pass
        return len(text)

    def _line(self, at: int) -> int:
        begin, line = max((entry for entry in self.lines if entry[0] <= at), default=(0, 1))
        return line + self.text.count("\n", begin, at)

    def _step(self, character: str) -> None:
        if self._in_text:
            if character == '"' and not self._escaped:
                self._in_text = False
            self._escaped = character == "\\" and not self._escaped
        elif character == '"':
            self._in_text = True
        elif character in _OPEN:
            self._stack.append(character)
        elif character in _CLOSED and self._stack:
            self._stack.pop()
