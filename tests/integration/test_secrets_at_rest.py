"""Whoever reads the database, a backup of it or a disk, learns no secret by it."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cli.serve import ServeOptions, open_cluster
from libs.clock import SystemClock
from libs.postgres.pool import open_pool
from libs.rpc.pipeline import cluster_credential
from services.access.domain.signing_key import SigningKey
from services.access.store.signing_keys import SigningKeys
from services.dispatch.store.webhook_roots import WebhookRoots
from tests.integration.access.calls import bearer
from tests.integration.hosting import CLUSTER_SECRETS
from tests.support.api import create_tenant
from tests.support.leaks import find_leaks, forms
from tidings.access.v1.access_service_pb2 import CreateApiKeyRequest, IssueRecipientTokenRequest
from tidings.access.v1.access_service_pb2_grpc import AccessServiceStub
from tidings.common.v1.authorization_pb2 import SCOPE_NOTIFICATIONS_SEND
from tidings.dispatch.v1.webhook_service_pb2 import (
    GetWebhookSecretsRequest,
    RotateWebhookSecretsRequest,
)
from tidings.dispatch.v1.webhook_service_pb2_grpc import WebhookServiceStub


@dataclass(frozen=True, slots=True)
class Used:
    """A cluster whose every secret has been made and used, and the secrets."""

    connection: asyncpg.Connection[Any]
    secrets: dict[str, bytes]


@pytest.fixture
async def used(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Used]:
    environ = {
        "TIDINGS_DATABASE_URL": database_url,
        "TIDINGS_REDIS_URL": redis_url,
        "TIDINGS_CLUSTER_SECRET": CLUSTER_SECRETS.current,
    }
    options = ServeOptions(data_directory=tmp_path / "data", listen="127.0.0.1:0", environ=environ)
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(open_cluster(options))
        admin = await create_tenant(cluster.internal_address, cluster.cluster_secret)
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(cluster.public_address))
        secrets = await _use(channel, admin) | await _opened(database_url)
        connection = await asyncpg.connect(database_url)
        stack.push_async_callback(connection.close)
        yield Used(connection, secrets)


async def _use(channel: grpc.aio.Channel, admin: str) -> dict[str, bytes]:
    """Returns every secret that a caller can be given, asked for again by a guessable request id."""
    access, webhooks = AccessServiceStub(channel), WebhookServiceStub(channel)
    making = CreateApiKeyRequest(
        display_name="backend", scopes=[SCOPE_NOTIFICATIONS_SEND], request_id="1"
    )
    rotating = RotateWebhookSecretsRequest(request_id="1")
    for _ in range(2):
        await access.CreateApiKey(making, metadata=bearer(admin))
        await webhooks.RotateWebhookSecrets(rotating, metadata=bearer(admin))
    key = await access.CreateApiKey(making, metadata=bearer(admin))
    token = await access.IssueRecipientToken(
        IssueRecipientTokenRequest(recipient_id="alice"), metadata=bearer(admin)
    )
    shown = await webhooks.GetWebhookSecrets(
        GetWebhookSecretsRequest(recipient_id="alice"), metadata=bearer(admin)
    )
    return {
        "first key": _hidden(admin),
        "key": _hidden(key.secret),
        "token": token.token.encode(),
        "webhook secret": base64.b64decode(shown.secrets[0].secret.removeprefix("whsec_")),
        "cluster secret": CLUSTER_SECRETS.current.encode(),
        "cluster credential": bytes.fromhex(cluster_credential(CLUSTER_SECRETS.current)),
    }


def _hidden(secret: str) -> bytes:
    """Returns what of a key's secret is not shown as its prefix."""
    return secret.rpartition("_")[2].encode()


async def _opened(database_url: str) -> dict[str, bytes]:
    """Returns what is kept sealed."""
    async with open_pool(database_url, application="test") as pool:
        (key,) = await SigningKeys(pool, secrets=CLUSTER_SECRETS).list()
        roots = WebhookRoots(pool, secrets=CLUSTER_SECRETS, clock=SystemClock())
        tenant_id = await pool.fetchval("SELECT tenant_id FROM dispatch.webhook_roots")
        (root,) = (await roots.of([tenant_id]))[tenant_id]
    number = key.private_key.private_numbers().private_value
    return {
        "signing key": key.to_der(),
        "signing key as text": _pem(key),
        "number of the signing key": number.to_bytes(32, "big"),
        "webhook root": root.key,
    }


def _pem(key: SigningKey) -> bytes:
    pem = key.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.splitlines()[1]


async def test_no_column_of_the_database_has_a_secret(used: Used) -> None:
    assert len(used.secrets) == 10
    assert await find_leaks(used.connection, used.secrets) == set()


async def test_a_secret_would_be_found_in_any_form(used: Used) -> None:
    await used.connection.execute("CREATE TABLE planted (texts text[], bytes bytea)")
    for secret in used.secrets.values():
        around = [bytes(before) + secret + b"after" for before in range(4)]
        planted = [
            ([], secret),
            ([secret.hex()], b""),
            *(([base64.b64encode(text).decode()], b"") for text in around),
            *(([base64.urlsafe_b64encode(text).decode()], b"") for text in around),
            *(([], base64.b64encode(text)) for text in around),
        ]
        for texts, data in planted:
            await used.connection.execute("INSERT INTO planted VALUES ($1, $2)", texts, data)
            leaks = await find_leaks(used.connection, {"planted": secret})
            assert leaks == {("planted", "public.planted")}
            await used.connection.execute("TRUNCATE planted")
    assert "plain" in set(forms(b"plain"))
