-- insert_requests --
-- Ordered, so that two processes with the same ids wait for one another instead of deadlocking.
INSERT INTO ingestion.request_ids
    (tenant_id, request_id, payload_hash, notification_id, revision, state, estimated_delivery_time, accept_time)
SELECT tenant_id, request_id, payload_hash, notification_id, 1, state, estimated_delivery_time, accept_time
FROM unnest($1::text[], $2::text[], $3::bytea[], $4::uuid[], $5::smallint[], $6::timestamptz[], $7::timestamptz[])
    AS given (tenant_id, request_id, payload_hash, notification_id, state, estimated_delivery_time, accept_time)
ORDER BY tenant_id, request_id
ON CONFLICT DO NOTHING
RETURNING notification_id

-- redirect_requests --
-- Sends that turned out to amend are answered with the notification that they amend.
UPDATE ingestion.request_ids AS r
SET notification_id = given.notification_id, revision = given.revision
FROM unnest($1::text[], $2::text[], $3::uuid[], $4::int[])
    AS given (tenant_id, request_id, notification_id, revision)
WHERE r.tenant_id = given.tenant_id AND r.request_id = given.request_id

-- find_requests --
SELECT tenant_id, request_id, payload_hash, notification_id, revision, state, estimated_delivery_time
FROM ingestion.request_ids
WHERE (tenant_id, request_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))

-- insert_collapse_keys --
INSERT INTO ingestion.collapse_keys (tenant_id, recipient_id, collapse_key, notification_id)
SELECT tenant_id, recipient_id, collapse_key, notification_id
FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[])
    AS given (tenant_id, recipient_id, collapse_key, notification_id)
ORDER BY tenant_id, recipient_id, collapse_key
ON CONFLICT DO NOTHING

-- lock_collapse_keys --
-- From here on nobody else amends these.
SELECT k.tenant_id, k.recipient_id, k.collapse_key, k.notification_id
FROM ingestion.collapse_keys AS k
JOIN unnest($1::text[], $2::text[], $3::text[]) AS given (tenant_id, recipient_id, collapse_key)
    USING (tenant_id, recipient_id, collapse_key)
ORDER BY k.tenant_id, k.recipient_id, k.collapse_key
FOR UPDATE OF k

-- redirect_collapse_keys --
-- What they named is no longer alive.
UPDATE ingestion.collapse_keys AS k
SET notification_id = given.notification_id
FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[])
    AS given (tenant_id, recipient_id, collapse_key, notification_id)
WHERE k.tenant_id = given.tenant_id AND k.recipient_id = given.recipient_id
    AND k.collapse_key = given.collapse_key

-- find_collapse_key --
SELECT notification_id FROM ingestion.collapse_keys
WHERE tenant_id = $1 AND recipient_id = $2 AND collapse_key = $3

-- lock_live --
-- Alive is what can still be planned, or was and may be replaced.
SELECT notification_id, revision, state, plan, expire_time
FROM ingestion.notifications
WHERE notification_id = ANY($1::uuid[]) AND notification_id BETWEEN $2 AND $3
    AND state IN (1, 2, 6) AND expire_time > now()
ORDER BY notification_id
FOR UPDATE

-- insert_notifications --
-- Born claimed by the process that planned to plan it, which saves a write; unclaimed where its lane
-- has to wait.
INSERT INTO ingestion.notifications
    (notification_id, tenant_id, revision, recipient_id, category, template_name, template_version,
     content_channels, variables, requested_channels, priority, channel_mask, guarantee, metadata, traceparent,
     accept_time, send_time, expire_time, collapse_key, state, due_time, claim_owner, claim_deadline)
SELECT notification_id, tenant_id, 1, recipient_id, category, template_name, template_version,
    string_to_array(content_channels, ',')::smallint[], variables,
    string_to_array(requested_channels, ',')::smallint[], priority, channel_mask, guarantee, metadata,
    traceparent, accept_time, send_time, expire_time, collapse_key, state, coalesce(send_time, now()),
    claim_owner, now() + $21::interval
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::text[],
            $8::bytea[], $9::text[], $10::smallint[], $11::int[], $12::smallint[], $13::bytea[],
            $14::text[], $15::timestamptz[], $16::timestamptz[], $17::timestamptz[], $18::text[],
            $19::smallint[], $20::uuid[])
    AS given (notification_id, tenant_id, recipient_id, category, template_name, template_version,
              content_channels, variables, requested_channels, priority, channel_mask, guarantee, metadata,
              traceparent, accept_time, send_time, expire_time, collapse_key, state, claim_owner)

-- accept_alone --
-- Requests and their notifications at once, where no collapse key may make one of them amend another
-- notification. The check stands in a word of its own, so that it is a hash table and no loop in a loop.
WITH given AS MATERIALIZED (
    SELECT *
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::text[],
                $8::bytea[], $9::text[], $10::smallint[], $11::int[], $12::smallint[], $13::bytea[],
                $14::text[], $15::timestamptz[], $16::timestamptz[], $17::timestamptz[], $18::text[],
                $19::smallint[], $20::uuid[], $22::text[], $23::bytea[], $24::timestamptz[])
        AS given (notification_id, tenant_id, recipient_id, category, template_name, template_version,
                  content_channels, variables, requested_channels, priority, channel_mask, guarantee, metadata,
                  traceparent, accept_time, send_time, expire_time, collapse_key, state, claim_owner,
                  request_id, payload_hash, estimated_delivery_time)
),
new AS (
    INSERT INTO ingestion.request_ids
        (tenant_id, request_id, payload_hash, notification_id, revision, state, estimated_delivery_time, accept_time)
    SELECT tenant_id, request_id, payload_hash, notification_id, 1, state, estimated_delivery_time, accept_time
    FROM given
    ORDER BY tenant_id, request_id
    ON CONFLICT DO NOTHING
    RETURNING notification_id
)
INSERT INTO ingestion.notifications
    (notification_id, tenant_id, revision, recipient_id, category, template_name, template_version,
     content_channels, variables, requested_channels, priority, channel_mask, guarantee, metadata, traceparent,
     accept_time, send_time, expire_time, collapse_key, state, due_time, claim_owner, claim_deadline)
SELECT notification_id, tenant_id, 1, recipient_id, category, template_name, template_version,
    string_to_array(content_channels, ',')::smallint[], variables,
    string_to_array(requested_channels, ',')::smallint[], priority, channel_mask, guarantee, metadata,
    traceparent, accept_time, send_time, expire_time, collapse_key, state, coalesce(send_time, now()),
    claim_owner, now() + $21::interval
FROM given
WHERE (notification_id IN (SELECT notification_id FROM new)) IS TRUE
RETURNING notification_id

-- amend_notifications --
-- The next revision, to be planned anew; what was planned of the old one is stopped first.
UPDATE ingestion.notifications AS n
SET revision = n.revision + 1, category = given.category, template_name = given.template_name,
    template_version = given.template_version,
    content_channels = string_to_array(given.content_channels, ',')::smallint[],
    variables = given.variables,
    requested_channels = string_to_array(given.requested_channels, ',')::smallint[],
    priority = given.priority, channel_mask = given.channel_mask, guarantee = given.guarantee,
    metadata = given.metadata, traceparent = given.traceparent, send_time = given.send_time,
    expire_time = given.expire_time, state = given.state, due_time = coalesce(given.send_time, now()),
    stopping = n.stopping OR n.plan IS NOT NULL, claim_owner = NULL, claim_deadline = NULL,
    plan = NULL, plan_time = NULL
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::text[],
            $8::bytea[], $9::text[], $10::smallint[], $11::int[], $12::smallint[], $13::bytea[],
            $14::text[], $15::timestamptz[], $16::timestamptz[], $17::timestamptz[], $18::text[],
            $19::smallint[])
    AS given (notification_id, tenant_id, recipient_id, category, template_name, template_version,
              content_channels, variables, requested_channels, priority, channel_mask, guarantee, metadata,
              traceparent, accept_time, send_time, expire_time, collapse_key, state)
WHERE n.notification_id = given.notification_id

-- insert_stopped_plans --
-- Commits that the deliveries of a revision must not leave; dispatch is told by a swept step.
INSERT INTO ingestion.stopped_plans
    (notification_id, revision, tenant_id, plan, expire_time, recipient_id, category, template_name,
     template_version, accept_time, due_time)
SELECT notification_id, revision, tenant_id, plan, expire_time, recipient_id, category, template_name,
    template_version, accept_time, now()
FROM ingestion.notifications
WHERE notification_id = ANY($1::uuid[]) AND plan IS NOT NULL
ON CONFLICT DO NOTHING

-- lock_for_cancelling --
SELECT notification_id, revision, state, plan, expire_time, recipient_id, category, template_name,
    template_version, accept_time
FROM ingestion.notifications
WHERE notification_id = $1 AND tenant_id = $2
FOR UPDATE

-- cancel_notification --
UPDATE ingestion.notifications
SET state = 7, stopping = plan IS NOT NULL, cancel_time = now(), claim_owner = NULL, claim_deadline = NULL
WHERE notification_id = $1

-- take_stopped_plans --
WITH due AS (
    SELECT notification_id, revision FROM ingestion.stopped_plans
    WHERE due_time <= now()
    ORDER BY due_time
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
UPDATE ingestion.stopped_plans AS p
SET due_time = now() + $1::interval
FROM due
WHERE p.notification_id = due.notification_id AND p.revision = due.revision
RETURNING p.notification_id, p.revision, p.tenant_id, p.plan, p.expire_time, p.recipient_id, p.category,
    p.template_name, p.template_version, p.accept_time

-- finish_stopped_plans --
-- Dispatch has answered for good.
UPDATE ingestion.stopped_plans AS p
SET due_time = NULL
FROM unnest($1::uuid[], $2::int[]) AS given (notification_id, revision)
WHERE p.notification_id = given.notification_id AND p.revision = given.revision

-- finish_stopping --
-- The next revision may be planned when nothing of the earlier ones is open any more.
WITH mine AS (
    SELECT n.notification_id FROM ingestion.notifications AS n
    WHERE n.notification_id = ANY($1::uuid[]) AND n.stopping
    ORDER BY n.notification_id
    FOR UPDATE
)
UPDATE ingestion.notifications AS n
SET left_mask = n.left_mask | given.left_mask,
    stopping = EXISTS (SELECT FROM ingestion.stopped_plans AS p
                       WHERE p.notification_id = n.notification_id AND p.due_time IS NOT NULL)
FROM mine
JOIN unnest($1::uuid[], $2::int[]) AS given (notification_id, left_mask) USING (notification_id)
WHERE n.notification_id = mine.notification_id

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
     WHERE state IN (1, 6) AND claim_owner IS NULL AND NOT stopping
     ORDER BY tenant_id, priority, channel_mask
     LIMIT 1)
    UNION ALL
    SELECT following.tenant_id, following.priority, following.channel_mask
    FROM lanes
    CROSS JOIN LATERAL (
        SELECT n.tenant_id, n.priority, n.channel_mask
        FROM ingestion.notifications AS n
        WHERE n.state IN (1, 6) AND n.claim_owner IS NULL AND NOT n.stopping
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
        WHERE n.state IN (1, 6) AND n.claim_owner IS NULL AND NOT n.stopping AND n.due_time <= now()
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
    accept_time, send_time, expire_time, collapse_key, left_mask

-- waiting_lanes --
-- Lanes in which something due waits: what is accepted for them goes behind it.
WITH RECURSIVE lanes AS (
    (SELECT tenant_id, priority, channel_mask, due_time
     FROM ingestion.notifications
     WHERE state IN (1, 6) AND claim_owner IS NULL AND NOT stopping
     ORDER BY tenant_id, priority, channel_mask, due_time
     LIMIT 1)
    UNION ALL
    SELECT following.tenant_id, following.priority, following.channel_mask, following.due_time
    FROM lanes
    CROSS JOIN LATERAL (
        SELECT n.tenant_id, n.priority, n.channel_mask, n.due_time
        FROM ingestion.notifications AS n
        WHERE n.state IN (1, 6) AND n.claim_owner IS NULL AND NOT n.stopping
            AND (n.tenant_id, n.priority, n.channel_mask)
                > (lanes.tenant_id, lanes.priority, lanes.channel_mask)
        ORDER BY n.tenant_id, n.priority, n.channel_mask, n.due_time
        LIMIT 1) AS following
)
SELECT tenant_id, priority, channel_mask FROM lanes WHERE due_time <= now()

-- count_waiting --
SELECT priority, channel_mask, count(*) AS notifications
FROM ingestion.notifications
WHERE state IN (1, 6) AND claim_owner IS NULL AND NOT stopping AND due_time <= now()
GROUP BY priority, channel_mask

-- disown_orphans --
-- Their owner is dead, or kept them past the deadline that even a living one may not outlive.
UPDATE ingestion.notifications
SET claim_owner = NULL, claim_deadline = NULL
WHERE notification_id IN (
    SELECT notification_id
    FROM ingestion.notifications AS n
    WHERE state IN (1, 6) AND claim_owner IS NOT NULL
        AND (claim_deadline <= now() OR NOT EXISTS (
            SELECT FROM ingestion.incarnations AS i
            WHERE i.incarnation_id = n.claim_owner AND i.expire_time > now()))
    ORDER BY notification_id
    LIMIT $1
    FOR UPDATE SKIP LOCKED)

-- store_plans --
-- The one place where a plan is made: whoever lost the claim or came second changes nothing.
-- The bounds of the ids ($6, $7) spare the other weeks' partitions.
WITH mine AS (
    SELECT notification_id
    FROM ingestion.notifications
    WHERE notification_id = ANY($1::uuid[]) AND notification_id BETWEEN $6 AND $7
        AND state IN (1, 6) AND NOT stopping AND claim_owner = $5 AND claim_deadline > now()
    ORDER BY notification_id
    FOR UPDATE
)
UPDATE ingestion.notifications AS n
SET state = given.state, plan = given.plan, plan_time = now(), claim_owner = NULL, claim_deadline = NULL
FROM mine
JOIN unnest($1::uuid[], $2::int[], $3::smallint[], $4::bytea[])
    AS given (notification_id, revision, state, plan) USING (notification_id)
WHERE n.notification_id = mine.notification_id AND n.notification_id BETWEEN $6 AND $7
    AND n.revision = given.revision
RETURNING n.notification_id

-- release_claims --
-- Planning has to wait: others may take them when they are due.
UPDATE ingestion.notifications
SET claim_owner = NULL, claim_deadline = NULL, due_time = now() + $3::interval
WHERE notification_id = ANY($1::uuid[]) AND notification_id BETWEEN $4 AND $5
    AND state IN (1, 6) AND claim_owner = $2

-- insert_outbox --
INSERT INTO ingestion.outbox (outbox_id, tenant_id, channel, priority, delivery_count, payload, due_time)
SELECT outbox_id, tenant_id, channel, priority, delivery_count, payload, now() + $7::interval
FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::smallint[], $5::int[], $6::bytea[])
    AS given (outbox_id, tenant_id, channel, priority, delivery_count, payload)
RETURNING outbox_id, publication

-- take_unclaimed --
-- Messages that nobody claimed in time go again, after an interval that doubles up to $2, if they are lost:
-- if something that was published after them in the same queue is claimed ($4, $5, $6), or all is lost (0).
-- Else the queue may just be long, and only its last publication goes again: when that copy is claimed,
-- whatever was published before it and is still here was lost. The outbox is small: credit bounds it.
WITH last AS (
    SELECT channel, priority, max(publication) AS publication
    FROM ingestion.outbox
    GROUP BY channel, priority
),
due AS (
    SELECT o.outbox_id
    FROM ingestion.outbox AS o
    JOIN last USING (channel, priority)
    LEFT JOIN unnest($4::smallint[], $5::smallint[], $6::bigint[]) AS claimed (channel, priority, publication)
        USING (channel, priority)
    WHERE o.due_time <= now() AND (o.publication IN (0, last.publication) OR o.publication < claimed.publication)
    ORDER BY o.due_time
    LIMIT $3
    FOR UPDATE OF o SKIP LOCKED
)
UPDATE ingestion.outbox AS o
SET publish_count = publish_count + 1, publication = nextval('ingestion.publications'),
    due_time = now() + least($1::interval * power(2, least(publish_count, 20)), $2::interval)
FROM due
WHERE o.outbox_id = due.outbox_id
RETURNING o.outbox_id, tenant_id, channel, priority, delivery_count, payload, publication

-- take_unconfirmed --
-- Those that are gone are claimed.
UPDATE ingestion.outbox
SET publication = nextval('ingestion.publications'), due_time = now() + $2::interval
WHERE outbox_id IN (SELECT outbox_id FROM ingestion.outbox WHERE outbox_id = ANY($1::uuid[])
                    ORDER BY outbox_id FOR UPDATE)
RETURNING outbox_id, tenant_id, channel, priority, delivery_count, payload, publication

-- outbox_age --
SELECT coalesce(now() - min(create_time), '0 s'::interval) FROM ingestion.outbox

-- republish_all_now --
-- After a restart that proves every older process dead, nobody else is going to claim these.
UPDATE ingestion.outbox SET due_time = now(), publication = 0

-- finish_outbox --
DELETE FROM ingestion.outbox WHERE outbox_id = ANY($1::uuid[]) RETURNING outbox_id, channel, priority, create_time

-- list_notifications --
-- At most $9 rows are looked at; the last of them is returned even if it does not match, so that the next
-- page goes on behind it.
SELECT notification_id, revision, recipient_id, category, template_name, template_version,
    requested_channels, priority, metadata, state, accept_time, send_time, expire_time, collapse_key,
    plan_time, traceparent, matches, place
FROM (
    SELECT *, row_number() OVER (ORDER BY notification_id DESC) AS place,
        ($5 = '' OR category = $5) AND (cardinality($6::smallint[]) = 0 OR state = ANY($6::smallint[]))
            AND ($7::timestamptz IS NULL OR accept_time >= $7)
            AND ($8::timestamptz IS NULL OR accept_time < $8) AS matches
    FROM (
        SELECT * FROM ingestion.notifications
        WHERE tenant_id = $1 AND recipient_id = $2 AND notification_id >= $3 AND notification_id < $4
        ORDER BY notification_id DESC
        LIMIT $9
    ) AS scanned
) AS judged
WHERE matches OR place = $9
ORDER BY notification_id DESC
LIMIT $10

-- read_notification --
SELECT notification_id, revision, recipient_id, category, template_name, template_version,
    requested_channels, priority, metadata, state, accept_time, send_time, expire_time, collapse_key,
    plan_time, plan, traceparent
FROM ingestion.notifications
WHERE notification_id = $1 AND tenant_id = $2
