-- Owners of claims: processes that renew their lease.
CREATE TABLE dispatch.incarnations (
    incarnation_id uuid PRIMARY KEY,
    expire_time timestamptz NOT NULL
);

-- The ledger. States are numbered as in tidings.dispatch.v1.DeliveryState:
-- 2 CLAIMED, 3 SENDING, 4 RETRY, 5 SENT, 6 FAILED, 7 UNKNOWN, 8 EXPIRED, 9 PARKED, 10 WAITING, 11 DEAD,
-- 12 CANCELLED, 13 SUPPRESSED. docs/states.md has the arrows between them.
-- Partitioned by week on the id, which keeps the time of the notification.
CREATE TABLE dispatch.deliveries (
    delivery_id uuid PRIMARY KEY,
    tenant_id text NOT NULL,
    notification_id uuid NOT NULL,
    revision integer NOT NULL,
    recipient_id text NOT NULL,
    category text NOT NULL,
    channel smallint NOT NULL,
    priority smallint NOT NULL,
    guarantee smallint NOT NULL,
    endpoint text NOT NULL,
    locale text NOT NULL,
    template_name text NOT NULL,
    template_version integer NOT NULL,
    -- A serialized google.protobuf.Struct.
    variables bytea NOT NULL,
    traceparent text NOT NULL,
    accept_time timestamptz NOT NULL,
    expire_time timestamptz NOT NULL,
    state smallint NOT NULL,
    detail text NOT NULL DEFAULT '',
    -- When something is to happen next; null while a process has it in hand and in every end.
    due_time timestamptz,
    claim_owner uuid,
    -- Fence: only who holds the token of the last claim may change the row.
    claim_token uuid,
    claim_deadline timestamptz,
    -- Provider calls; claims; deaths of a process that had it in hand. Never mixed.
    attempts integer NOT NULL DEFAULT 0,
    claims integer NOT NULL DEFAULT 1,
    orphanings integer NOT NULL DEFAULT 0,
    -- Deaths of a process that worked on this one and on nothing else.
    lone_deaths integer NOT NULL DEFAULT 0,
    -- A process works on this one and on nothing else.
    alone boolean NOT NULL DEFAULT false,
    -- An attempt is UNKNOWN: whatever comes of the next, this may have left.
    in_doubt boolean NOT NULL DEFAULT false,
    -- It was cancelled while it was in hand: it will not be tried again.
    cancelled boolean NOT NULL DEFAULT false,
    -- Counts the changes that events state: of two the one with the larger number is the later.
    change_number integer NOT NULL DEFAULT 0,
    -- When the last of them was; in an end that is when it ended.
    change_time timestamptz,
    -- Planned more than a day after its id was made, so that it may belong to a week long over.
    late boolean NOT NULL DEFAULT false,
    -- Serialized tidings.internal.dispatch.v1.AttemptLog messages, appended to one another.
    attempt_log bytea NOT NULL DEFAULT '',
    claim_time timestamptz NOT NULL DEFAULT now(),
    render_time timestamptz,
    sending_time timestamptz
) PARTITION BY RANGE (delivery_id);
-- Weeks are made ahead of time by a loop; this takes what finds none, such as deliveries of a week that was
-- dropped before their schedule came.
CREATE TABLE dispatch.deliveries_default PARTITION OF dispatch.deliveries DEFAULT;
CREATE INDEX deliveries_due ON dispatch.deliveries (due_time) WHERE due_time IS NOT NULL;
CREATE INDEX deliveries_in_hand ON dispatch.deliveries (claim_deadline) WHERE state IN (2, 3);
-- Few: tombstones, what was planned long after its id was made, and what was claimed long after it was due
-- to be planned. Tells a week about to be dropped that it just got a row.
CREATE INDEX deliveries_late ON dispatch.deliveries (claim_time)
    WHERE claims = 0 OR late OR claim_time - accept_time > interval '1 day';

-- What may have been deleted: only rows whose message is older than the one and that expired before the
-- other. A message that says both is claimed, whatever the ledger still has of it.
CREATE TABLE dispatch.floor (
    message_id uuid NOT NULL,
    expire_time timestamptz NOT NULL
);
INSERT INTO dispatch.floor VALUES ('00000000-0000-0000-0000-000000000000', '-infinity');

-- What could not be worked on, with its original bytes.
CREATE TABLE dispatch.dead_letters (
    dead_letter_id uuid PRIMARY KEY,
    tenant_id text NOT NULL,
    -- Numbered as in tidings.dispatch.v1.DeadLetterReason: 1 UNREADABLE, 2 POISON.
    reason smallint NOT NULL,
    detail text NOT NULL,
    delivery_id uuid,
    notification_id uuid,
    channel smallint NOT NULL DEFAULT 0,
    body bytea NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX dead_letters_tenant ON dispatch.dead_letters (tenant_id, dead_letter_id);

-- What the secrets of a tenant's webhooks are derived from.
CREATE TABLE dispatch.webhook_roots (
    -- A UUIDv7: its order is the order of creation.
    root_id uuid PRIMARY KEY,
    tenant_id text NOT NULL,
    -- 32 bytes, sealed for the tenant and the row; see libs.sealing.
    sealed_root bytea NOT NULL CHECK (octet_length(sealed_root) = 69),
    -- When it stops signing; null for the newest.
    expire_time timestamptz
);
CREATE UNIQUE INDEX newest_webhook_root ON dispatch.webhook_roots (tenant_id) WHERE expire_time IS NULL;
CREATE INDEX webhook_roots_tenant ON dispatch.webhook_roots (tenant_id, root_id);

-- Endpoints that said that they are gone. A row goes when preference has taken note.
CREATE TABLE dispatch.gone_endpoints (
    -- The delivery that found out.
    delivery_id uuid PRIMARY KEY,
    tenant_id text NOT NULL,
    recipient_id text NOT NULL,
    channel smallint NOT NULL,
    endpoint text NOT NULL,
    call_time timestamptz NOT NULL,
    due_time timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX gone_endpoints_due ON dispatch.gone_endpoints (due_time);

-- See libs/idempotency.
CREATE TABLE dispatch.request_ids (
    tenant_id text NOT NULL,
    method text NOT NULL,
    request_digest bytea NOT NULL,
    payload_hash bytea NOT NULL,
    answer bytea NOT NULL,
    create_time timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, method, request_digest)
);
CREATE INDEX request_ids_create_time ON dispatch.request_ids (create_time);

-- Facts to be published. A row goes when the broker confirms.
CREATE TABLE dispatch.event_outbox (
    batch_id uuid PRIMARY KEY,
    routing_key text NOT NULL,
    -- A serialized tidings.event.v1.EventBatch.
    payload bytea NOT NULL,
    due_time timestamptz NOT NULL
);
CREATE INDEX event_outbox_due ON dispatch.event_outbox (due_time);
