"""`WebhookService` for those who verify webhooks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import grpc

from libs.clock.timestamps import timestamp
from libs.idempotency import RequestIds
from libs.identity.caller import current_caller
from libs.postgres.transaction import Connection
from services.dispatch import wire
from services.dispatch.usecases.get_webhook_secrets import GetWebhookSecrets
from services.dispatch.usecases.rotate_webhook_secrets import RotateWebhookSecrets
from tidings.dispatch.v1 import webhook_service_pb2 as messages
from tidings.dispatch.v1.webhook_service_pb2_grpc import (
    WebhookServiceServicer as WebhookServiceBase,
)

Context = grpc.aio.ServicerContext[Any, Any]

_OVERLAP = timedelta(hours=24)


class WebhookServicer(WebhookServiceBase):
    """Shows and rotates secrets."""

    def __init__(
        self,
        *,
        get_secrets: GetWebhookSecrets,
        rotate_secrets: RotateWebhookSecrets,
        request_ids: RequestIds,
    ) -> None:
        self._get_secrets = get_secrets
        self._rotate_secrets = rotate_secrets
        self._request_ids = request_ids

    async def GetWebhookSecrets(
        self, request: messages.GetWebhookSecretsRequest, context: Context
    ) -> messages.GetWebhookSecretsResponse:
        """See the contract."""
        found = await self._get_secrets(current_caller().tenant_id, request.recipient_id)
        return messages.GetWebhookSecretsResponse(
            secrets=(wire.webhook_secret_to_proto(*secret) for secret in found)
        )

    async def RotateWebhookSecrets(
        self, request: messages.RotateWebhookSecretsRequest, context: Context
    ) -> messages.RotateWebhookSecretsResponse:
        """See the contract."""
        tenant_id = current_caller().tenant_id
        overlap = request.overlap.ToTimedelta() if request.HasField("overlap") else _OVERLAP

        async def work(connection: Connection) -> messages.RotateWebhookSecretsResponse:
            end = await self._rotate_secrets(connection, tenant_id, overlap=overlap)
            return messages.RotateWebhookSecretsResponse(overlap_end_time=timestamp(end))

        return await self._request_ids.once(
            tenant_id, request, messages.RotateWebhookSecretsResponse, work
        )
