"""Signing keys at rest: sealed, each for its row, and sealed anew when the cluster secret is replaced."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from libs.cluster_secret import ClusterSecrets
from libs.config import SettingError
from libs.postgres.migrations import migrate
from libs.postgres.pool import Pool, open_pool
from libs.sealing import SealBroken, SecretNotGiven
from services.access.store.signing_keys import SigningKeys
from tests.integration.access.calls import bearer
from tests.integration.access.running import running_access, tenant_admin
from tests.integration.hosting import CLUSTER_SECRETS
from tidings.access.v1.access_service_pb2 import IssueRecipientTokenRequest
from tidings.access.v1.access_service_pb2_grpc import AccessServiceStub

BEFORE, AFTER = CLUSTER_SECRETS.current, "the secret that comes to replace it"
REPLACING = ClusterSecrets(AFTER, BEFORE)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """A pool on a database with one signing key, just made."""
    async with open_pool(database_url, application="test") as opened:
        await migrate(opened, package="services.access", schema="access")
        await opened.execute("TRUNCATE access.signing_keys")
        async with running_access(database_url):
            pass
        yield opened


async def test_another_secret_is_refused_at_the_start_in_a_sentence(
    pool: Pool, database_url: str
) -> None:
    with pytest.raises(SettingError, match="under another cluster secret; give that one as"):
        async with running_access(database_url, secrets=ClusterSecrets(AFTER)):
            pass
    # Nor was a key made that only the wrong secret opens.
    assert len(await SigningKeys(pool, secrets=CLUSTER_SECRETS).list()) == 1


async def test_a_replaced_secret_can_be_taken_away_when_keys_are_sealed_anew(
    pool: Pool, database_url: str
) -> None:
    async with running_access(database_url) as running:
        key = await tenant_admin(running, "acme")
        issued = await AccessServiceStub(running.public).IssueRecipientToken(
            IssueRecipientTokenRequest(recipient_id="alice"), metadata=bearer(key)
        )
    await SigningKeys(pool, secrets=REPLACING).reseal()
    # A process that still uses the old one was told of the new one first.
    assert await SigningKeys(pool, secrets=ClusterSecrets(BEFORE, AFTER)).list()
    async with running_access(database_url, secrets=ClusterSecrets(AFTER)) as running:
        caller = await running.fresh_authenticator.authenticate(issued.token)
    assert caller.recipient_id == "alice"


async def test_a_key_opens_in_its_own_row_only(pool: Pool) -> None:
    await pool.execute("UPDATE access.signing_keys SET key_id = 'moved'")
    with pytest.raises(SealBroken):
        await SigningKeys(pool, secrets=CLUSTER_SECRETS).list()
    with pytest.raises(SealBroken):
        await SigningKeys(pool, secrets=REPLACING).reseal()


async def test_what_does_not_open_is_left_as_it_is(pool: Pool) -> None:
    with pytest.raises(SecretNotGiven):
        await SigningKeys(pool, secrets=ClusterSecrets(AFTER)).reseal()
    assert await SigningKeys(pool, secrets=CLUSTER_SECRETS).list()
