-- One row per recipient: the position of the feed, and the counts at that position.
CREATE TABLE inbox.heads (
    tenant_id    text   NOT NULL,
    recipient_id text   NOT NULL,
    -- Drawn anew with each new head, so that a cursor of a feed that is gone is recognised.
    epoch        bigint NOT NULL DEFAULT (random() * 9007199254740991)::bigint,
    -- Number of the last change.
    sequence     bigint NOT NULL DEFAULT 0,
    -- Changes up to here may have been forgotten: a cursor below it cannot be honoured.
    floor        bigint NOT NULL DEFAULT 0,
    unread       bigint NOT NULL DEFAULT 0,
    total        bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, recipient_id)
) WITH (fillfactor = 80);

-- Changed under the recipient's head row only, except for stream_write_time.
CREATE TABLE inbox.items (
    tenant_id         text        NOT NULL,
    recipient_id      text        NOT NULL,
    -- The notification's.
    item_id           uuid        NOT NULL,
    revision          integer     NOT NULL,
    -- Number of its last change.
    sequence          bigint      NOT NULL,
    -- Number of its first change: a new revision keeps its place in the inbox.
    created_sequence  bigint      NOT NULL,
    category          text        NOT NULL,
    -- A serialized tidings.template.v1.InAppContent; not opened here.
    content           bytea       NOT NULL,
    traceparent       text        NOT NULL,
    -- Since when the notification is due; null if its sender did not say.
    accept_time       timestamptz,
    create_time       timestamptz NOT NULL,
    read_time         timestamptz,
    -- When it was first written to one of the recipient's streams. No change of the feed.
    stream_write_time timestamptz,
    -- Ids grow with time: the index grows at its end, and a list of ids is found without the rest.
    PRIMARY KEY (item_id, tenant_id, recipient_id),
    -- Reading the changes after a position.
    UNIQUE (tenant_id, recipient_id, sequence)
) WITH (fillfactor = 90);

-- Listing newest first.
CREATE UNIQUE INDEX items_by_creation
    ON inbox.items (tenant_id, recipient_id, created_sequence);

-- Facts to be published. A row goes when the broker confirms.
CREATE TABLE inbox.event_outbox (
    batch_id uuid PRIMARY KEY,
    routing_key text NOT NULL,
    -- A serialized tidings.event.v1.EventBatch.
    payload bytea NOT NULL,
    due_time timestamptz NOT NULL
);
CREATE INDEX event_outbox_due ON inbox.event_outbox (due_time);
