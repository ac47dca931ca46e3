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
-- Rows arrive in order of time, which is all that a block range index needs to find the old ones.
CREATE INDEX deliveries_state_time ON tracking.deliveries USING brin (state_time);

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
CREATE INDEX facts_time ON tracking.facts USING brin (fact_time);

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
CREATE INDEX counts_hour ON tracking.counts USING brin (hour);
