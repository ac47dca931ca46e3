"""The keys that sign recipient tokens, sealed. Not to be logged, nor shown."""

from __future__ import annotations

import logging
from datetime import datetime

from libs.cluster_secret import ClusterSecrets
from libs.postgres.away import database
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from libs.sealing import Sealer
from services.access.domain.signing_key import SigningKey

_SQL = load_queries("services.access")
_log = logging.getLogger(__name__)


class SigningKeys:
    """Keeps them. Raises DependencyUnavailable while PostgreSQL is away."""

    def __init__(self, pool: Pool, *, secrets: ClusterSecrets) -> None:
        self._pool = pool
        self._sealer = Sealer(secrets, "access.signing_keys.sealed_key")

    async def add(self, key: SigningKey, now: datetime) -> None:
        """Stores the key that signs, unless there is one."""
        sealed = self._sealer.seal(key.to_der(), key.key_id)
        with database():
            await self._pool.execute(_SQL["insert_signing_key"], key.key_id, sealed, now)

    async def list(self) -> list[SigningKey]:
        """Returns the key that signs, then those that only verify; raises Unopenable."""
        with database():
            rows = await self._pool.fetch(_SQL["list_signing_keys"])
        return [
            SigningKey.from_der(self._sealer.open(row["sealed_key"], row["key_id"])) for row in rows
        ]

    async def reseal(self) -> None:
        """Puts all under the secret in use; raises Unopenable."""
        with database():
            for row in await self._pool.fetch(_SQL["list_signing_keys"]):
                sealed = self._sealer.reseal(row["sealed_key"], row["key_id"])
                if sealed is not None:
                    await self._pool.execute(_SQL["reseal_signing_key"], row["key_id"], sealed)
                    _log.info("signing_key_resealed", extra={"key_id": row["key_id"]})
