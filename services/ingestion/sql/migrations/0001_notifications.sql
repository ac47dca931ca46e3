-- Owners of claims: processes that renew their lease.
CREATE TABLE ingestion.incarnations (
    incarnation_id uuid PRIMARY KEY,
    expire_time timestamptz NOT NULL
);

-- The first answer to each request id. Hash partitions keep its index small per insert.
CREATE TABLE ingestion.request_ids (
    tenant_id text NOT NULL,
    request_id text NOT NULL,
    payload_hash bytea NOT NULL,
    notification_id uuid NOT NULL,
    revision integer NOT NULL,
    -- State at the time of the answer: 1 ACCEPTED or 6 SCHEDULED.
    state smallint NOT NULL,
    estimated_delivery_time timestamptz NOT NULL,
    accept_time timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, request_id)
) PARTITION BY HASH (tenant_id, request_id);
DO $$
BEGIN
    FOR part IN 0..7 LOOP
        EXECUTE format(
            'CREATE TABLE ingestion.request_ids_%s PARTITION OF ingestion.request_ids'
            ' FOR VALUES WITH (MODULUS 8, REMAINDER %s)', part, part);
    END LOOP;
END $$;
-- Rows arrive in order of time, which is all that a block range index needs to find the old ones.
CREATE INDEX request_ids_accept_time ON ingestion.request_ids USING brin (accept_time);

-- Partitioned by week on the id, which carries the time of acceptance.
CREATE TABLE ingestion.notifications (
    notification_id uuid PRIMARY KEY,
    tenant_id text NOT NULL,
    revision integer NOT NULL,
    recipient_id text NOT NULL,
    category text NOT NULL,
    template_name text NOT NULL,
    template_version integer NOT NULL,
    -- Channels the template has content for.
    content_channels smallint[] NOT NULL,
    -- A serialized google.protobuf.Struct.
    variables bytea NOT NULL,
    requested_channels smallint[] NOT NULL,
    priority smallint NOT NULL,
    -- Bit n is set when channel n may be used: with tenant and priority the lane that it waits in.
    channel_mask integer NOT NULL,
    guarantee smallint NOT NULL,
    -- A serialized tidings.ingestion.v1.Notification with nothing but its metadata.
    metadata bytea NOT NULL,
    traceparent text NOT NULL,
    accept_time timestamptz NOT NULL,
    send_time timestamptz,
    expire_time timestamptz NOT NULL,
    collapse_key text NOT NULL DEFAULT '',
    -- Channels on which an earlier revision has left for good, as a mask.
    left_mask integer NOT NULL DEFAULT 0,
    -- Deliveries of an earlier revision, or of this one if it is cancelled, are still to be stopped.
    stopping boolean NOT NULL DEFAULT false,
    -- Numbered as in tidings.ingestion.v1.NotificationState; 1 ACCEPTED and 6 SCHEDULED can be planned.
    state smallint NOT NULL,
    due_time timestamptz NOT NULL,
    -- The incarnation that plans it, until the deadline at the latest.
    claim_owner uuid,
    claim_deadline timestamptz,
    -- A serialized tidings.internal.preference.v1.Plan.
    plan bytea,
    plan_time timestamptz,
    cancel_time timestamptz
) PARTITION BY RANGE (notification_id);
-- Weeks are made ahead of time by a loop; this takes what finds none.
CREATE TABLE ingestion.notifications_default PARTITION OF ingestion.notifications DEFAULT;
-- The first index finds the lanes in which something waits, and the oldest of each; the second what
-- may be in dead hands.
CREATE INDEX notifications_waiting ON ingestion.notifications (tenant_id, priority, channel_mask, due_time)
    WHERE state IN (1, 6) AND claim_owner IS NULL AND NOT stopping;
CREATE INDEX notifications_claimed ON ingestion.notifications (claim_deadline)
    WHERE state IN (1, 6) AND claim_owner IS NOT NULL;

-- Listing newest first: the id begins with the time of acceptance.
CREATE INDEX notifications_of_tenant ON ingestion.notifications (tenant_id, notification_id);
CREATE INDEX notifications_of_recipient ON ingestion.notifications (tenant_id, recipient_id, notification_id);

-- Which notification is the latest word on something, per recipient.
CREATE TABLE ingestion.collapse_keys (
    tenant_id text NOT NULL,
    recipient_id text NOT NULL,
    collapse_key text NOT NULL,
    notification_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, recipient_id, collapse_key)
) PARTITION BY HASH (tenant_id, recipient_id, collapse_key);
DO $$
BEGIN
    FOR part IN 0..7 LOOP
        EXECUTE format(
            'CREATE TABLE ingestion.collapse_keys_%s PARTITION OF ingestion.collapse_keys'
            ' FOR VALUES WITH (MODULUS 8, REMAINDER %s)', part, part);
    END LOOP;
END $$;

-- Plans whose deliveries must not leave any more: of amended revisions and of cancelled ones.
CREATE TABLE ingestion.stopped_plans (
    notification_id uuid NOT NULL,
    revision integer NOT NULL,
    tenant_id text NOT NULL,
    plan bytea NOT NULL,
    expire_time timestamptz NOT NULL,
    -- As they were in that revision, for the tombstones of what dispatch does not know.
    recipient_id text NOT NULL,
    category text NOT NULL,
    template_name text NOT NULL,
    template_version integer NOT NULL,
    accept_time timestamptz NOT NULL,
    -- When dispatch is asked again; null when it has answered for good.
    due_time timestamptz,
    PRIMARY KEY (notification_id, revision)
);
CREATE INDEX stopped_plans_due ON ingestion.stopped_plans (due_time) WHERE due_time IS NOT NULL;

-- Numbers copies of messages in the order in which they are published.
CREATE SEQUENCE ingestion.publications;

-- Messages for dispatchers. A row goes when a dispatcher states that it owns the deliveries.
CREATE TABLE ingestion.outbox (
    outbox_id uuid PRIMARY KEY,
    tenant_id text NOT NULL,
    channel smallint NOT NULL,
    priority smallint NOT NULL,
    delivery_count integer NOT NULL,
    -- A serialized tidings.event.v1.DeliveryBatch.
    payload bytea NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now(),
    -- When it is published again, unless it was claimed by then.
    due_time timestamptz NOT NULL,
    publish_count integer NOT NULL DEFAULT 1,
    -- Number of its last copy; 0 when every copy is known to be lost.
    publication bigint NOT NULL DEFAULT nextval('ingestion.publications')
);
CREATE INDEX outbox_due ON ingestion.outbox (due_time);
