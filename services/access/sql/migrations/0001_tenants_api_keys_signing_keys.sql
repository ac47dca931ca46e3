CREATE TABLE access.tenants (
    tenant_id    text        PRIMARY KEY,
    display_name text        NOT NULL,
    create_time  timestamptz NOT NULL
);

CREATE TABLE access.api_keys (
    -- A UUIDv7: its order is the order of creation.
    key_id       uuid        PRIMARY KEY,
    tenant_id    text        NOT NULL REFERENCES access.tenants,
    display_name text        NOT NULL,
    prefix       text        NOT NULL,
    -- SHA-256 of the secret, which itself is kept nowhere.
    secret_hash  bytea       NOT NULL UNIQUE CHECK (octet_length(secret_hash) = 32),
    -- Values of tidings.common.v1.Scope.
    scopes       smallint[]  NOT NULL,
    create_time  timestamptz NOT NULL,
    expire_time  timestamptz,
    revoke_time  timestamptz,
    -- Counts the states of the key; its text is the etag.
    revision     bigint      NOT NULL DEFAULT 1
);

CREATE INDEX api_keys_by_tenant ON access.api_keys (tenant_id, key_id);

CREATE TABLE access.signing_keys (
    -- The `kid` of the tokens it signs.
    key_id      text        PRIMARY KEY,
    -- The private key as PKCS #8, sealed for the key's id; see libs.sealing.
    sealed_key  bytea       NOT NULL,
    create_time timestamptz NOT NULL,
    -- Set when another key took over; tokens it signed go on being verified.
    retire_time timestamptz
);

-- One key signs at a time, however many processes start at once.
CREATE UNIQUE INDEX one_signing_key ON access.signing_keys ((true)) WHERE retire_time IS NULL;

-- First answers to request ids; see libs.idempotency.
CREATE TABLE access.request_ids (
    tenant_id      text        NOT NULL,
    method         text        NOT NULL,
    request_digest bytea       NOT NULL,
    payload_hash   bytea       NOT NULL,
    -- Sealed under the cluster secret and the request id: of a created key it holds the secret.
    answer         bytea       NOT NULL,
    create_time    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, method, request_digest)
);

CREATE INDEX request_ids_create_time ON access.request_ids (create_time);
