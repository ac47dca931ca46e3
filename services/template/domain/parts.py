"""The parts that a channel's content is rendered from, and what holds for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from services.template.domain.models import Channel
from services.template.domain.text import clean, json_value, link, one_line

_LINE_BYTES = 4 << 10
_TEXT_BYTES = 256 << 10
_HTML_BYTES = 1 << 20
_DATA_BYTES = 16 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One text of a channel's content."""

    channel: Channel
    name: str
    """As in the contract."""
    escaped: bool = False
    """Whether variables are escaped for HTML."""
    max_bytes: int
    """Largest result."""
    finish: Callable[[str], str] = clean
    """Makes the result fit for its place; raises TextRefused."""
    is_json: bool = False
    """Whether the result is one JSON value."""

    @property
    def path(self) -> str:
        """Where its source stands in a request."""
        return f"content.{self.channel.value}.{self.name}"


PARTS: dict[Channel, tuple[Part, ...]] = {
    Channel.EMAIL: (
        Part(channel=Channel.EMAIL, name="subject", max_bytes=_LINE_BYTES, finish=one_line),
        Part(channel=Channel.EMAIL, name="text", max_bytes=_TEXT_BYTES),
        Part(channel=Channel.EMAIL, name="html", max_bytes=_HTML_BYTES, escaped=True),
    ),
    Channel.IN_APP: (
        Part(channel=Channel.IN_APP, name="title", max_bytes=_LINE_BYTES, finish=one_line),
        Part(channel=Channel.IN_APP, name="body", max_bytes=_TEXT_BYTES),
        Part(channel=Channel.IN_APP, name="action_url", max_bytes=_LINE_BYTES, finish=link),
    ),
    Channel.WEBHOOK: (
        Part(
            channel=Channel.WEBHOOK,
            name="data",
            max_bytes=_DATA_BYTES,
            finish=json_value,
            is_json=True,
        ),
    ),
}
