-- insert_tenant --
INSERT INTO access.tenants (tenant_id, display_name, create_time)
VALUES ($1, $2, $3)

-- insert_api_key --
INSERT INTO access.api_keys
    (key_id, tenant_id, display_name, prefix, secret_hash, scopes, create_time, expire_time)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- get_api_key --
SELECT key_id, tenant_id, display_name, prefix, scopes, create_time, expire_time, revoke_time, revision
FROM access.api_keys
WHERE tenant_id = $1 AND key_id = $2

-- lock_api_key --
-- Serialises changes: an etag stays true until the change.
SELECT key_id, tenant_id, display_name, prefix, scopes, create_time, expire_time, revoke_time, revision
FROM access.api_keys
WHERE tenant_id = $1 AND key_id = $2
FOR NO KEY UPDATE

-- change_api_key --
UPDATE access.api_keys
SET display_name = $3, scopes = $4, expire_time = $5, revision = $6
WHERE tenant_id = $1 AND key_id = $2

-- list_api_keys --
-- Keyset: strictly older than the last key of the page before.
SELECT key_id, tenant_id, display_name, prefix, scopes, create_time, expire_time, revoke_time, revision
FROM access.api_keys
WHERE tenant_id = $1 AND ($2::uuid IS NULL OR key_id < $2)
    -- With a moment: only those that work then.
    AND ($4::timestamptz IS NULL OR (revoke_time IS NULL AND (expire_time IS NULL OR expire_time > $4)))
ORDER BY key_id DESC
LIMIT $3

-- revoke_api_key --
-- A repeat keeps the first time.
UPDATE access.api_keys
SET revoke_time = coalesce(revoke_time, $3), revision = revision + (revoke_time IS NULL)::integer
WHERE tenant_id = $1 AND key_id = $2
RETURNING key_id, tenant_id, display_name, prefix, scopes, create_time, expire_time, revoke_time, revision

-- find_unrevoked_api_key --
-- Expired keys are answered too: who uses one is told that it expired.
SELECT key_id, tenant_id, display_name, prefix, scopes, create_time, expire_time, revoke_time, revision
FROM access.api_keys
WHERE secret_hash = $1 AND revoke_time IS NULL

-- insert_signing_key --
-- Of processes that start at once, one wins; the others then read its key.
INSERT INTO access.signing_keys (key_id, sealed_key, create_time)
VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING

-- list_signing_keys --
-- The one that signs first, then retired ones.
SELECT key_id, sealed_key
FROM access.signing_keys
ORDER BY retire_time DESC NULLS FIRST

-- reseal_signing_key --
-- The same key in another seal: whoever is later may do it again.
UPDATE access.signing_keys SET sealed_key = $2
WHERE key_id = $1
