"""Tenants and API keys."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """An isolated customer of the cluster."""

    tenant_id: str
    display_name: str
    create_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """An API key without its secret, which is kept nowhere."""

    key_id: UUID
    """A UUIDv7, so that ids sort by age."""
    tenant_id: str
    display_name: str
    prefix: str
    """First characters of the secret, to recognise it by."""
    scopes: tuple[int, ...]
    """Values of `tidings.common.v1.Scope`."""
    create_time: datetime
    expire_time: datetime | None = None
    revoke_time: datetime | None = None
    revision: int = 1
    """Counts the states of the key."""

    @property
    def etag(self) -> str:
        """Mark of this state."""
        return str(self.revision)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """What a key shall be from now on, in the fields that are named."""

    fields: Collection[str]
    """Of `display_name`, `scopes` and `expire_time`."""
    display_name: str
    scopes: tuple[int, ...]
    expire_time: datetime | None
    """None: the key does not expire."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientToken:
    """A signed token for one recipient's app."""

    token: str
    expire_time: datetime
