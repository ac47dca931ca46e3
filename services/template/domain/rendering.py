"""What is to be rendered, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.template.domain.models import Channel, Content, VersionKey
from services.template.domain.variables import (
    bind,
    find_mismatch,
    mismatch_sentence,
    version_label,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderTask:
    """One entry of a batch."""

    key: VersionKey
    channel: Channel | None
    """None: a channel that this release does not know."""
    variables: Mapping[str, object] | None
    """None: what was sent could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderRequest:
    """A rendering for which everything is at hand."""

    label: str
    """Names the version in sentences."""
    content: Content
    channel: Channel
    variables: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The content of a channel."""

    channel: Channel
    texts: Mapping[str, str]
    """By the name of the part."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something does not render; the sentence holds no value of a variable."""

    sentence: str


def prepare(task: RenderTask, content: Content | None) -> RenderRequest | Failure:
    """Returns what to render, or why that cannot be.

    Variables that the version does not declare are left aside: nothing in it can see them.
    """
    label = version_label(task.key.name, task.key.version)
    if content is None:
        return Failure(f"{label} is not published")
    if task.channel is None or task.channel not in content.sources:
        return Failure(no_channel_sentence(label, task.channel, content))
    if task.variables is None:
        return Failure("the variables are not a google.protobuf.Struct")
    mismatch = find_mismatch(content.variables, task.variables)
    if mismatch is not None and mismatch.missing:
        return Failure(mismatch_sentence(label, mismatch))
    return RenderRequest(
        label=label,
        content=content,
        channel=task.channel,
        variables=bind(content.variables, task.variables),
    )


def no_channel_sentence(label: str, channel: Channel | None, content: Content) -> str:
    """Tells which channels there are instead."""
    wanted = "this channel" if channel is None else channel.value
    there = ", ".join(channel.value for channel in content.sources)
    return f"{label} has no content for {wanted}; it has {there}"
