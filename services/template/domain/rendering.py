"""What is to be rendered, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from services.template.domain.models import Channel, Content, VersionKey
from services.template.domain.variables import (
    bind,
    find_mismatch,
    lacks,
    mismatch_sentence,
    version_label,
)

# Tuples: of the first three there is one for each message that is sent.


class RenderTask(NamedTuple):
    """One entry of a batch."""

    key: VersionKey
    channel: Channel | None
    """None: a channel that this release does not know."""
    variables: Mapping[str, object] | None
    """None: what was sent could not be read."""


class RenderRequest(NamedTuple):
    """A rendering for which everything is at hand."""

    key: VersionKey
    """Whose it is, and what it is called in sentences; its version may be `DRAFT`."""
    content: Content
    channel: Channel
    variables: dict[str, object]


class Rendered(NamedTuple):
    """The content of a channel."""

    channel: Channel
    texts: Mapping[str, str]
    """By the name of the part."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something does not render; the sentence holds no value of a variable."""

    sentence: str


class Postponed(Enum):
    """Says that there was no time for something."""

    POSTPONED = "postponed"


POSTPONED = Postponed.POSTPONED
"""Others' work and its own took too long; to be asked for again."""
Result = Rendered | Failure | Postponed


def prepare(task: RenderTask, content: Content | None) -> RenderRequest | Failure:
    """Returns what to render, or why that cannot be.

    Variables that the version does not declare are left aside: nothing in it can see them.
    """
    if content is None:
        return Failure(f"{_label(task)} is not published")
    if task.channel is None or task.channel not in content.sources:
        return Failure(no_channel_sentence(_label(task), task.channel, content))
    if task.variables is None:
        return Failure("the variables are not a google.protobuf.Struct")
    if lacks(content.variables, task.variables):
        mismatch = find_mismatch(content.variables, task.variables)
        if mismatch is not None:
            return Failure(mismatch_sentence(_label(task), mismatch))
    return RenderRequest(task.key, content, task.channel, bind(content.variables, task.variables))


def _label(task: RenderTask) -> str:
    return version_label(task.key.name, task.key.version)


def no_channel_sentence(label: str, channel: Channel | None, content: Content) -> str:
    """Tells which channels there are instead."""
    wanted = "this channel" if channel is None else channel.value
    there = ", ".join(channel.value for channel in content.sources)
    return f"{label} has no content for {wanted}; it has {there}"
