-- insert_tenant --
INSERT INTO access.tenants (tenant_id, display_name, create_time)
VALUES ($1, $2, $3)

-- insert_api_key --
INSERT INTO access.api_keys
    (key_id, tenant_id, display_name, prefix, secret_hash, scopes, create_time, expire_time)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- list_api_keys --
-- Keyset: strictly older than the last key of the page before.
SELECT key_id, tenant_id, display_name, prefix, scopes, create_time, expire_time, revoke_time
FROM access.api_keys
WHERE tenant_id = $1 AND ($2::uuid IS NULL OR key_id < $2)
ORDER BY key_id DESC
LIMIT $3

-- revoke_api_key --
-- A repeat keeps the first time.
UPDATE access.api_keys
SET revoke_time = coalesce(revoke_time, $3)
WHERE tenant_id = $1 AND key_id = $2
RETURNING key_id, tenant_id, display_name, prefix, scopes, create_time, expire_time, revoke_time

-- find_unrevoked_api_key --
-- Expired keys are answered too: who uses one is told that it expired.
SELECT key_id, tenant_id, display_name, prefix, scopes, create_time, expire_time, revoke_time
FROM access.api_keys
WHERE secret_hash = $1 AND revoke_time IS NULL

-- insert_signing_key --
-- Of processes that start at once, one wins; the others then read its key.
INSERT INTO access.signing_keys (key_id, private_pem, create_time)
VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING

-- list_signing_keys --
-- The one that signs first, then retired ones.
SELECT private_pem
FROM access.signing_keys
ORDER BY retire_time DESC NULLS FIRST
