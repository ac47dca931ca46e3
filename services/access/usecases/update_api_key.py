"""Changes an API key."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from libs.errors import EtagMismatch
from libs.postgres.transaction import Connection
from services.access.domain.changes import changed, granted
from services.access.domain.models import ApiKey, KeyChange
from services.access.store.api_keys import change_api_key, lock_api_key
from services.access.usecases.require_scopes import require_scopes


async def update_api_key(
    connection: Connection,
    tenant_id: str,
    key_id: UUID,
    change: KeyChange,
    *,
    etag: str,
    held: Collection[int],
) -> ApiKey:
    """Returns the key as it is now; authenticators go by it when what they keep is 30 seconds old.

    Raises ApiKeyNotFound, EtagMismatch when `etag` is given and old, or ScopeNotHeld when `held`, the
    changer's scopes, lack what the change grants.
    """
    before = await lock_api_key(connection, tenant_id, key_id)
    if etag not in ("", before.etag):
        raise EtagMismatch("API key", before.etag)
    after = changed(before, change)
    require_scopes(held, granted(before, after, change))
    if after != before:
        await change_api_key(connection, after)
    return after
