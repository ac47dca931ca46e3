"""Tells the secrets with which a recipient's webhooks are signed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.dispatch.domain.errors import WebhookSecretsUnreadable
from services.dispatch.domain.webhooks import derive_secret, show_secret
from services.dispatch.store.webhook_roots import WebhookRoots


@dataclass(frozen=True, slots=True)
class GetWebhookSecrets:
    """Returns secrets, newest first, with the time at which each stops signing."""

    roots: WebhookRoots

    async def __call__(
        self, tenant_id: str, recipient_id: str
    ) -> list[tuple[str, datetime | None]]:
        """Raises DependencyUnavailable or WebhookSecretsUnreadable."""
        roots = (await self.roots.of([tenant_id])).get(tenant_id)
        if roots is None:
            raise WebhookSecretsUnreadable
        return [
            (show_secret(derive_secret(root.key, recipient_id)), root.expire_time) for root in roots
        ]
