"""One cluster secret replaces another by the steps of docs/deploying.md, and nothing that was sealed is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from cli.serve import ServeOptions, open_cluster
from libs.clock import SystemClock
from libs.cluster_secret import ClusterSecrets
from libs.config import SettingError
from libs.postgres.pool import open_pool
from libs.sealing import Unopenable
from services.access.store.signing_keys import SigningKeys
from services.dispatch.store.webhook_roots import WebhookRoots
from tests.integration.access.calls import bearer
from tests.support.api import create_tenant
from tests.support.eventually import eventually
from tests.support.refusals import refusal
from tidings.access.v1.access_service_pb2 import CreateApiKeyRequest, CreateApiKeyResponse
from tidings.access.v1.access_service_pb2_grpc import AccessServiceStub
from tidings.common.v1.authorization_pb2 import SCOPE_NOTIFICATIONS_SEND
from tidings.dispatch.v1.webhook_service_pb2 import (
    GetWebhookSecretsRequest,
    GetWebhookSecretsResponse,
)
from tidings.dispatch.v1.webhook_service_pb2_grpc import WebhookServiceStub

BEFORE = "the secret that was there before it"
AFTER = "the secret that comes to replace it"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who keeps asking the same of a cluster."""

    channel: grpc.aio.Channel
    key: str

    async def make_key(self) -> CreateApiKeyResponse:
        request = CreateApiKeyRequest(
            display_name="backend", scopes=[SCOPE_NOTIFICATIONS_SEND], request_id="1"
        )
        return await AccessServiceStub(self.channel).CreateApiKey(
            request, metadata=bearer(self.key)
        )

    async def webhook_secrets(self) -> GetWebhookSecretsResponse:
        return await WebhookServiceStub(self.channel).GetWebhookSecrets(
            GetWebhookSecretsRequest(recipient_id="alice"), metadata=bearer(self.key)
        )


class Machine:
    """Where processes are started with one secret or another, over one database."""

    def __init__(self, database_url: str, redis_url: str, folder: Path) -> None:
        self.database_url = database_url
        self._redis_url = redis_url
        self._folder = folder
        self._key = ""

    @asynccontextmanager
    async def serving(self, secret: str, other: str = "") -> AsyncIterator[Caller]:
        environ = {
            "TIDINGS_DATABASE_URL": self.database_url,
            "TIDINGS_REDIS_URL": self._redis_url,
            "TIDINGS_CLUSTER_SECRET": secret,
            "TIDINGS_CLUSTER_SECRET_OTHER": other,
        }
        options = ServeOptions(data_directory=self._folder, listen="127.0.0.1:0", environ=environ)
        async with (
            open_cluster(options) as cluster,
            grpc.aio.insecure_channel(cluster.public_address) as channel,
        ):
            self._key = self._key or await create_tenant(cluster.internal_address, secret)
            yield Caller(channel, self._key)

    async def opens_with(self, secret: str) -> bool:
        """Whether nothing is under another secret any more."""
        secrets = ClusterSecrets(secret)
        async with open_pool(self.database_url, application="test") as pool:
            tenant_id = await pool.fetchval("SELECT tenant_id FROM dispatch.webhook_roots")
            try:
                await SigningKeys(pool, secrets=secrets).list()
            except Unopenable:
                return False
            roots = WebhookRoots(pool, secrets=secrets, clock=SystemClock())
            return bool(await roots.of([tenant_id]))


async def test_step_by_step(database_url: str, redis_url: str, tmp_path: Path) -> None:
    machine = Machine(database_url, redis_url, tmp_path / "data")
    async with machine.serving(BEFORE) as caller:
        made, secrets = await caller.make_key(), await caller.webhook_secrets()
    async with machine.serving(BEFORE, AFTER) as caller:
        assert (await caller.make_key(), await caller.webhook_secrets()) == (made, secrets)
    async with machine.serving(AFTER, BEFORE) as caller:
        assert (await caller.make_key(), await caller.webhook_secrets()) == (made, secrets)
        assert await eventually(lambda: machine.opens_with(AFTER))
    async with machine.serving(AFTER) as caller:
        assert await caller.webhook_secrets() == secrets
        # Within a day of the replacement: the steps say to wait so long.
        refused = await refusal(caller.make_key())
        assert refused.code is grpc.StatusCode.ALREADY_EXISTS
        assert (refused.reason, refused.metadata) == ("ANSWER_UNREADABLE", {"request_id": "1"})
    with pytest.raises(SettingError, match="under another cluster secret; give that one as"):
        async with machine.serving(BEFORE):
            pass
