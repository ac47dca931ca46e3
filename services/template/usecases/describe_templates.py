"""Describes versions for ingestion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.template.domain.errors import BatchTooLarge
from services.template.domain.models import Description, VersionKey
from services.template.store.versions import VersionStore

MAX_TEMPLATES = 500


@dataclass(frozen=True, slots=True)
class DescribeTemplates:
    """Says what sends need to know of versions that may span tenants: one statement a batch."""

    store: VersionStore

    async def __call__(self, keys: Sequence[VersionKey]) -> list[Description]:
        """Returns the descriptions in the order of the keys; raises BatchTooLarge."""
        if len(keys) > MAX_TEMPLATES:
            raise BatchTooLarge("templates", MAX_TEMPLATES)
        # Sends of one batch are mostly of few templates.
        wanted = list(dict.fromkeys(keys))
        described = dict(zip(wanted, await self.store.describe(wanted), strict=True))
        return [described[key] for key in keys]
