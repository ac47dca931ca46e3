-- Deliveries as their last change left them. States and channels are numbered as in the contracts.
CREATE TABLE tracking.deliveries (
    delivery_id uuid PRIMARY KEY,
    tenant_id text NOT NULL,
    notification_id uuid NOT NULL,
    revision integer NOT NULL,
    recipient_id text NOT NULL,
    category text NOT NULL,
    channel smallint NOT NULL,
    template_name text NOT NULL,
    template_version integer NOT NULL,
    state smallint NOT NULL,
    provider text NOT NULL,
    attempts integer NOT NULL,
    accept_time timestamptz NOT NULL,
    state_time timestamptz NOT NULL,
    -- Of two changes of a delivery the one with the larger number is the later.
    change_number bigint NOT NULL
) WITH (fillfactor = 90);
-- Listing newest first: the id begins with the time of acceptance.
CREATE INDEX deliveries_of_tenant ON tracking.deliveries (tenant_id, delivery_id);
CREATE INDEX deliveries_of_recipient ON tracking.deliveries (tenant_id, recipient_id, delivery_id);

-- What may have been deleted: deliveries whose last change is older. Without a row, nothing.
CREATE TABLE tracking.floor (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    state_time timestamptz NOT NULL
);

-- The last rebuild from dispatch's ledger.
CREATE TABLE tracking.rebuild (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    -- Numbered as in tidings.internal.tracking.v1.RebuildState: 1 RUNNING, 2 DONE, 3 STOPPED.
    state smallint NOT NULL DEFAULT 1,
    -- Tells this rebuild from others.
    start_time timestamptz NOT NULL DEFAULT now(),
    update_time timestamptz NOT NULL DEFAULT now(),
    -- How many were stated so far.
    deliveries bigint NOT NULL DEFAULT 0,
    -- Ids of deliveries: all up to `position` are recorded; the first and the last there are, once known.
    position uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    first_id uuid,
    last_id uuid,
    -- The process that reads the pages, so that others need not; what is recorded twice counts once all the same.
    worker uuid,
    worker_until timestamptz
);

-- What happened to notifications after they had left; of repeats the first time counts.
CREATE TABLE tracking.facts (
    tenant_id text NOT NULL,
    notification_id uuid NOT NULL,
    channel smallint NOT NULL,
    type smallint NOT NULL,
    source text NOT NULL,
    fact_time timestamptz NOT NULL,
    PRIMARY KEY (notification_id, channel, type, source)
);

-- Deliveries by the hour of their acceptance: per state with fact_type 0, per fact with state 0. They outlive
-- the deliveries.
CREATE TABLE tracking.counts (
    tenant_id text NOT NULL,
    hour timestamptz NOT NULL,
    category text NOT NULL,
    channel smallint NOT NULL,
    template_name text NOT NULL,
    state smallint NOT NULL,
    fact_type smallint NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (tenant_id, hour, category, channel, template_name, state, fact_type)
) WITH (fillfactor = 50);
CREATE INDEX counts_hour ON tracking.counts (hour);
