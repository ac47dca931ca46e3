-- insert_requests --
-- Ordered, so that two processes with the same ids wait for one another instead of deadlocking.
INSERT INTO ingestion.request_ids
    (tenant_id, request_id, payload_hash, notification_id, estimated_delivery_time, accept_time)
SELECT tenant_id, request_id, payload_hash, notification_id, estimated_delivery_time, accept_time
FROM unnest($1::text[], $2::text[], $3::bytea[], $4::uuid[], $5::timestamptz[], $6::timestamptz[])
    AS given (tenant_id, request_id, payload_hash, notification_id, estimated_delivery_time, accept_time)
ORDER BY tenant_id, request_id
ON CONFLICT DO NOTHING
RETURNING notification_id

-- find_requests --
SELECT tenant_id, request_id, payload_hash, notification_id, estimated_delivery_time
FROM ingestion.request_ids
WHERE (tenant_id, request_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))

-- insert_notifications --
-- Born claimed by the process that planned to plan it, which saves a write; unclaimed where its lane
-- has to wait.
INSERT INTO ingestion.notifications
    (notification_id, tenant_id, revision, recipient_id, category, template_name, template_version,
     content_channels, variables, requested_channels, priority, channel_mask, guarantee, metadata, traceparent,
     accept_time, expire_time, state, due_time, claim_owner, claim_deadline)
SELECT notification_id, tenant_id, 1, recipient_id, category, template_name, template_version,
    string_to_array(content_channels, ',')::smallint[], variables,
    string_to_array(requested_channels, ',')::smallint[], priority, channel_mask, guarantee, metadata,
    traceparent, accept_time, expire_time, 1, now(), claim_owner, now() + $16::interval
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::text[],
            $8::bytea[], $9::text[], $10::smallint[], $11::smallint[], $12::bytea[], $13::text[],
            $14::timestamptz[], $15::timestamptz[], $17::int[], $18::uuid[])
    AS given (notification_id, tenant_id, recipient_id, category, template_name, template_version,
              content_channels, variables, requested_channels, priority, guarantee, metadata,
              traceparent, accept_time, expire_time, channel_mask, claim_owner)

-- delete_old_requests --
-- In slices, so that no transaction grows long.
DELETE FROM ingestion.request_ids
WHERE (tenant_id, request_id) IN (
    SELECT tenant_id, request_id FROM ingestion.request_ids WHERE accept_time < now() - $1::interval LIMIT $2
)

-- used_credit --
-- Deliveries that are published and not yet claimed, per tenant, priority and channel.
SELECT tenant_id, priority, channel, sum(delivery_count)::int AS deliveries
FROM ingestion.outbox
GROUP BY tenant_id, priority, channel

-- claim_waiting --
-- Lanes are walked by index, whatever waits in them; each gets as much as its window ($4) has room
-- for, so that a tenant's backlog stays here and nobody waits behind it. Critical lanes come first,
-- the others in random order when there are more than one round takes ($5).
WITH RECURSIVE lanes AS (
    (SELECT tenant_id, priority, channel_mask
     FROM ingestion.notifications
     WHERE state = 1 AND claim_owner IS NULL
     ORDER BY tenant_id, priority, channel_mask
     LIMIT 1)
    UNION ALL
    SELECT following.tenant_id, following.priority, following.channel_mask
    FROM lanes
    CROSS JOIN LATERAL (
        SELECT n.tenant_id, n.priority, n.channel_mask
        FROM ingestion.notifications AS n
        WHERE n.state = 1 AND n.claim_owner IS NULL
            AND (n.tenant_id, n.priority, n.channel_mask)
                > (lanes.tenant_id, lanes.priority, lanes.channel_mask)
        ORDER BY n.tenant_id, n.priority, n.channel_mask
        LIMIT 1) AS following
),
used AS (
    SELECT tenant_id, priority, channel, sum(delivery_count)::int AS deliveries
    FROM ingestion.outbox
    GROUP BY tenant_id, priority, channel
),
credit AS (
    SELECT lanes.tenant_id, lanes.priority, lanes.channel_mask,
        $4::int - coalesce(max(used.deliveries), 0) AS room
    FROM lanes
    LEFT JOIN used ON used.tenant_id = lanes.tenant_id AND used.priority = lanes.priority
        AND lanes.channel_mask & (1 << used.channel) <> 0
    GROUP BY lanes.tenant_id, lanes.priority, lanes.channel_mask
),
turn AS (
    SELECT tenant_id, priority, channel_mask, room FROM credit
    WHERE room > 0
    ORDER BY priority = 4 DESC, random()
    LIMIT $5
),
due AS (
    SELECT picked.notification_id
    FROM turn
    CROSS JOIN LATERAL (
        SELECT n.notification_id
        FROM ingestion.notifications AS n
        WHERE n.state = 1 AND n.claim_owner IS NULL AND n.due_time <= now()
            AND n.tenant_id = turn.tenant_id AND n.priority = turn.priority
            AND n.channel_mask = turn.channel_mask
        ORDER BY n.due_time
        LIMIT least(turn.room, $3)
        FOR UPDATE SKIP LOCKED) AS picked
)
UPDATE ingestion.notifications AS n
SET claim_owner = $1, claim_deadline = now() + $2::interval
FROM due
WHERE n.notification_id = due.notification_id
RETURNING n.notification_id, tenant_id, revision, recipient_id, category, template_name, template_version,
    content_channels, variables, requested_channels, priority, channel_mask, guarantee, traceparent,
    accept_time, expire_time

-- waiting_lanes --
-- Lanes in which something due waits: what is accepted for them goes behind it.
WITH RECURSIVE lanes AS (
    (SELECT tenant_id, priority, channel_mask, due_time
     FROM ingestion.notifications
     WHERE state = 1 AND claim_owner IS NULL
     ORDER BY tenant_id, priority, channel_mask, due_time
     LIMIT 1)
    UNION ALL
    SELECT following.tenant_id, following.priority, following.channel_mask, following.due_time
    FROM lanes
    CROSS JOIN LATERAL (
        SELECT n.tenant_id, n.priority, n.channel_mask, n.due_time
        FROM ingestion.notifications AS n
        WHERE n.state = 1 AND n.claim_owner IS NULL
            AND (n.tenant_id, n.priority, n.channel_mask)
                > (lanes.tenant_id, lanes.priority, lanes.channel_mask)
        ORDER BY n.tenant_id, n.priority, n.channel_mask, n.due_time
        LIMIT 1) AS following
)
SELECT tenant_id, priority, channel_mask FROM lanes WHERE due_time <= now()

-- disown_orphans --
-- Their owner is dead, or kept them past the deadline that even a living one may not outlive.
UPDATE ingestion.notifications
SET claim_owner = NULL, claim_deadline = NULL
WHERE notification_id IN (
    SELECT notification_id
    FROM ingestion.notifications AS n
    WHERE state = 1 AND claim_owner IS NOT NULL
        AND (claim_deadline <= now() OR NOT EXISTS (
            SELECT FROM ingestion.incarnations AS i
            WHERE i.incarnation_id = n.claim_owner AND i.expire_time > now()))
    ORDER BY notification_id
    LIMIT $1
    FOR UPDATE SKIP LOCKED)

-- store_plans --
-- The one place where a plan is made: whoever lost the claim or came second changes nothing.
WITH mine AS (
    SELECT notification_id
    FROM ingestion.notifications
    WHERE notification_id = ANY($1::uuid[]) AND state = 1
        AND claim_owner = $5 AND claim_deadline > now()
    ORDER BY notification_id
    FOR UPDATE
)
UPDATE ingestion.notifications AS n
SET state = given.state, plan = given.plan, plan_time = now(), claim_owner = NULL, claim_deadline = NULL
FROM mine
JOIN unnest($1::uuid[], $2::int[], $3::smallint[], $4::bytea[])
    AS given (notification_id, revision, state, plan) USING (notification_id)
WHERE n.notification_id = mine.notification_id AND n.revision = given.revision
RETURNING n.notification_id

-- release_claims --
-- Planning has to wait: others may take them when they are due.
UPDATE ingestion.notifications
SET claim_owner = NULL, claim_deadline = NULL, due_time = now() + $3::interval
WHERE notification_id = ANY($1::uuid[]) AND state = 1 AND claim_owner = $2

-- insert_outbox --
INSERT INTO ingestion.outbox (outbox_id, tenant_id, channel, priority, delivery_count, payload, due_time)
SELECT outbox_id, tenant_id, channel, priority, delivery_count, payload, now() + $7::interval
FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::smallint[], $5::int[], $6::bytea[])
    AS given (outbox_id, tenant_id, channel, priority, delivery_count, payload)

-- take_unclaimed --
-- Messages that nobody claimed in time go again, after an interval that doubles up to $2.
WITH due AS (
    SELECT outbox_id FROM ingestion.outbox WHERE due_time <= now() ORDER BY due_time LIMIT $3
    FOR UPDATE SKIP LOCKED
)
UPDATE ingestion.outbox AS o
SET publish_count = publish_count + 1,
    due_time = now() + least($1::interval * power(2, least(publish_count, 20)), $2::interval)
FROM due
WHERE o.outbox_id = due.outbox_id
RETURNING o.outbox_id, channel, priority, payload

-- republish_all_now --
-- After a restart that proves every older process dead, nobody else is going to claim these.
UPDATE ingestion.outbox SET due_time = now()

-- finish_outbox --
DELETE FROM ingestion.outbox WHERE outbox_id = ANY($1::uuid[]) RETURNING create_time

-- read_notification --
SELECT notification_id, revision, recipient_id, category, template_name, template_version,
    requested_channels, priority, metadata, state, accept_time, expire_time, plan_time, plan, traceparent
FROM ingestion.notifications
WHERE notification_id = $1 AND tenant_id = $2
