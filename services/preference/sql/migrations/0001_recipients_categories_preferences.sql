-- Names are compared by bytes: their order is that of every server, and an index finds a prefix.
CREATE TABLE preference.recipients (
    tenant_id     text        NOT NULL,
    recipient_id  text        NOT NULL COLLATE "C",
    -- The preferred one first.
    emails        text[]      NOT NULL,
    phone_numbers text[]      NOT NULL,
    locale        text        NOT NULL,
    time_zone     text        NOT NULL,
    -- Empty: takes no webhooks.
    webhook_url   text        NOT NULL,
    -- When somebody last said that webhooks go there: what an earlier call was answered counts no more.
    webhook_set_time  timestamptz NOT NULL,
    -- When a call of it began that was answered 410 Gone; null while it is in use.
    webhook_gone_time timestamptz,
    -- Digests of tenant and address, one for each mail address in lower case and each phone number.
    contact_keys  uuid[]      NOT NULL,
    -- Another one with each change.
    etag          uuid        NOT NULL,
    create_time   timestamptz NOT NULL,
    update_time   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, recipient_id)
);
CREATE INDEX recipients_contact_keys ON preference.recipients USING gin (contact_keys);

CREATE TABLE preference.categories (
    tenant_id   text        NOT NULL,
    name        text        NOT NULL COLLATE "C",
    class       text        NOT NULL,
    channels    text[]      NOT NULL,
    priority    text        NOT NULL,
    ttl         interval    NOT NULL,
    guarantee   text        NOT NULL,
    -- Another one with each change.
    etag        uuid        NOT NULL,
    create_time timestamptz NOT NULL,
    update_time timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

-- One row per word of a recipient; '' stands for every category or every channel.
CREATE TABLE preference.preferences (
    tenant_id    text NOT NULL,
    recipient_id text NOT NULL COLLATE "C",
    category     text NOT NULL COLLATE "C",
    channel      text NOT NULL COLLATE "C",
    choice       text NOT NULL,
    PRIMARY KEY (tenant_id, recipient_id, category, channel),
    FOREIGN KEY (tenant_id, recipient_id) REFERENCES preference.recipients ON DELETE CASCADE
);
-- For lists by category, and for the end of one.
CREATE INDEX preferences_category ON preference.preferences (tenant_id, category, recipient_id, channel);

-- The first answer to each request id; see libs/idempotency.
CREATE TABLE preference.request_ids (
    tenant_id      text        NOT NULL,
    method         text        NOT NULL,
    request_digest bytea       NOT NULL,
    payload_hash   bytea       NOT NULL,
    answer         bytea       NOT NULL,
    create_time    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, method, request_digest)
);
CREATE INDEX request_ids_create_time ON preference.request_ids (create_time);
