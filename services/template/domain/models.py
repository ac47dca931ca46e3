"""Templates and their contents."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NamedTuple

DRAFT = 0
"""Stands for the draft where a version is asked for."""


class Channel(Enum):
    """A way to reach a recipient, by the name of its sources in the contract."""

    EMAIL = "email"
    """A mail."""
    IN_APP = "in_app"
    """An inbox item."""
    WEBHOOK = "webhook"
    """A call to the recipient's endpoint."""

    # As members are compared. Enum's own is a function of Python's, called for each text that is rendered.
    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A declared variable."""

    name: str
    description: str = ""
    optional: bool = False
    """True when a send may leave it out; it is then none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Sources of a draft or of a version."""

    variables: tuple[Variable, ...]
    sources: Mapping[Channel, Mapping[str, str]]
    """By the name of the part; see `parts`."""


NO_CONTENT = Content(variables=(), sources={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A template with its draft, or with the content of one of its versions."""

    name: str
    content: Content
    """`NO_CONTENT` in lists."""
    latest_version: int
    """0 while nothing is published."""
    ended_version: int
    """Newest version of deleted templates of this name; no send can name those up to it. 0: there is none."""
    revision: int
    """Counts the states of the draft."""
    create_time: datetime
    update_time: datetime

    @property
    def etag(self) -> str:
        """Mark of this state of the draft."""
        return str(self.revision)

    def has_etag(self, etag: str) -> bool:
        """Says whether a caller who gave this mark means this state; an empty one means any."""
        return etag in ("", self.etag)


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftChange:
    """What becomes of a draft."""

    name: str
    content: Content
    paths: Collection[str]
    """Which of `drafts.DRAFT_PATHS` are to be as in `content`."""
    etag: str
    """Empty: of whatever state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFilter:
    """Which templates a list shows."""

    name_prefix: str = ""
    published_only: bool = False


class VersionKey(NamedTuple):
    """Names a published version across tenants."""

    tenant_id: str
    name: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A published version without its sources."""

    version: int
    channels: tuple[Channel, ...]
    publish_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a send needs to know of a version."""

    name_known: bool = False
    version: int = 0
    """0 when it is not published."""
    content: Content | None = None
