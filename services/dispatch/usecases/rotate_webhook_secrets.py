"""Gives a tenant's recipients new webhook secrets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.postgres.transaction import Connection
from services.dispatch.store.webhook_roots import WebhookRoots


@dataclass(frozen=True, slots=True)
class RotateWebhookSecrets:
    """Signs with the new ones from the next batch on, and with those of before until the overlap ends."""

    roots: WebhookRoots

    async def __call__(
        self, connection: Connection, tenant_id: str, *, overlap: timedelta
    ) -> datetime:
        """Returns when the secrets of before stop signing."""
        return await self.roots.rotate(connection, tenant_id, overlap=overlap)
