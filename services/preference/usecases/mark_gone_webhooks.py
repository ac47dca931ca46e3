"""Marks webhooks whose endpoint is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.preference.domain.models import GoneWebhook
from services.preference.store.recipients import RecipientStore


@dataclass(frozen=True, slots=True)
class MarkGoneWebhooks:
    """Has later plans do without URLs that said that they are gone. Saying it again changes nothing."""

    store: RecipientStore

    async def __call__(self, webhooks: Sequence[GoneWebhook]) -> None:
        """Raises DependencyUnavailable."""
        if webhooks:
            await self.store.mark_gone(webhooks)
