-- claim_tasks --
-- A message's deliveries enter the ledger; those that are there already stay as they are.
INSERT INTO dispatch.deliveries
    (delivery_id, tenant_id, notification_id, revision, recipient_id, category, channel, priority, guarantee,
     endpoint, locale, template_name, template_version, variables, traceparent, accept_time, expire_time,
     state, claim_owner, claim_token, claim_deadline)
SELECT delivery_id, $2, notification_id, revision, recipient_id, category, $3, $4, guarantee,
    endpoint, locale, template_name, template_version, variables, traceparent, accept_time, expire_time,
    2, $17::uuid, $18::uuid, now() + $19::interval
FROM unnest($1::uuid[], $5::uuid[], $6::int[], $7::text[], $8::text[], $9::smallint[], $10::text[],
            $11::text[], $12::text[], $13::int[], $14::bytea[], $15::text[], $16::timestamptz[],
            $20::timestamptz[])
    AS given (delivery_id, notification_id, revision, recipient_id, category, guarantee, endpoint,
              locale, template_name, template_version, variables, traceparent, accept_time, expire_time)
ORDER BY delivery_id
ON CONFLICT (delivery_id) DO NOTHING
RETURNING delivery_id

-- insert_event --
-- The fact is committed with what it states; a repeat of it changes nothing.
INSERT INTO dispatch.event_outbox (batch_id, routing_key, payload, due_time)
VALUES ($1, $2, $3, now() + $4::interval)
ON CONFLICT (batch_id) DO NOTHING

-- take_unpublished --
WITH due AS (
    SELECT batch_id FROM dispatch.event_outbox WHERE due_time <= now() ORDER BY due_time LIMIT $2
    FOR UPDATE SKIP LOCKED
)
UPDATE dispatch.event_outbox AS e SET due_time = now() + $1::interval
FROM due
WHERE e.batch_id = due.batch_id
RETURNING e.batch_id, routing_key, payload

-- publish_all_now --
-- After a restart that proves every older process dead, nobody else is publishing these.
UPDATE dispatch.event_outbox SET due_time = now()

-- delete_events --
DELETE FROM dispatch.event_outbox WHERE batch_id = ANY($1::uuid[])

-- claim_due --
-- Retries whose time has come.
WITH due AS (
    SELECT delivery_id FROM dispatch.deliveries
    WHERE due_time <= now() AND state = 4 AND channel = $4
    ORDER BY due_time
    LIMIT $5
    FOR UPDATE SKIP LOCKED
)
UPDATE dispatch.deliveries AS d
SET state = 2, due_time = NULL, detail = '', claims = claims + 1,
    claim_owner = $1, claim_token = $2, claim_deadline = now() + $3::interval
FROM due
WHERE d.delivery_id = due.delivery_id
RETURNING d.delivery_id, tenant_id, notification_id, revision, recipient_id, category, channel, guarantee,
    endpoint, locale, template_name, template_version, variables, traceparent, accept_time, expire_time,
    attempts, claims, claim_token

-- begin_sending --
-- Right before the provider is called: with the own token and more lease left than the call may take.
WITH mine AS (
    SELECT d.delivery_id FROM dispatch.deliveries AS d
    JOIN unnest($1::uuid[], $2::uuid[]) AS held (delivery_id, claim_token) USING (delivery_id, claim_token)
    WHERE state = 2 AND claim_deadline > now() + $3::interval
        AND EXISTS (SELECT FROM dispatch.incarnations
                    WHERE incarnation_id = claim_owner AND expire_time > now() + $3::interval)
    ORDER BY d.delivery_id
    FOR UPDATE OF d
)
UPDATE dispatch.deliveries AS d
SET state = 3, attempts = attempts + 1, sending_time = now(), render_time = $4
FROM mine
WHERE d.delivery_id = mine.delivery_id
RETURNING d.delivery_id

-- settle --
-- The only way out of CLAIMED ($8 = 2) and SENDING ($8 = 3) for the process that holds the tokens.
WITH mine AS (
    SELECT d.delivery_id FROM dispatch.deliveries AS d
    JOIN unnest($1::uuid[], $7::uuid[]) AS held (delivery_id, claim_token) USING (delivery_id, claim_token)
    WHERE state = $8
    ORDER BY d.delivery_id
    FOR UPDATE OF d
)
UPDATE dispatch.deliveries AS d
SET state = given.state,
    detail = given.detail,
    due_time = now() + given.delay,
    attempts = d.attempts + $9,
    attempt_log = d.attempt_log || given.attempt_log,
    render_time = coalesce($6, d.render_time),
    finish_time = CASE WHEN given.delay IS NULL THEN now() END,
    claim_owner = NULL, claim_token = NULL, claim_deadline = NULL
FROM mine
JOIN unnest($1::uuid[], $2::smallint[], $3::text[], $4::interval[], $5::bytea[])
    AS given (delivery_id, state, detail, delay, attempt_log) USING (delivery_id)
WHERE d.delivery_id = mine.delivery_id
RETURNING d.delivery_id

-- settle_late --
-- A call outlived its claim and was written off as UNKNOWN; its outcome is known after all.
UPDATE dispatch.deliveries AS d
SET state = 5, detail = '', due_time = NULL, finish_time = now(), attempt_log = d.attempt_log || given.attempt_log
FROM unnest($1::uuid[], $2::bytea[]) AS given (delivery_id, attempt_log)
WHERE d.delivery_id = given.delivery_id AND d.state = 7

-- lock_orphans --
-- In a dead process's hands, or past the deadline that even a living one may not outlive.
SELECT delivery_id, state, attempts, guarantee, expire_time, channel, sending_time
FROM dispatch.deliveries AS d
WHERE state IN (2, 3) AND (claim_deadline <= now() OR NOT EXISTS (
    SELECT FROM dispatch.incarnations AS i
    WHERE i.incarnation_id = d.claim_owner AND i.expire_time > now()))
ORDER BY delivery_id
LIMIT $1
FOR UPDATE SKIP LOCKED

-- orphan --
-- What was only claimed is due at once; what was being sent may have left.
UPDATE dispatch.deliveries AS d
SET state = given.state, detail = given.detail, due_time = now() + given.delay,
    attempt_log = d.attempt_log || given.attempt_log, orphanings = orphanings + 1,
    finish_time = CASE WHEN given.delay IS NULL THEN now() END,
    claim_owner = NULL, claim_token = NULL, claim_deadline = NULL
FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::interval[], $5::bytea[])
    AS given (delivery_id, state, detail, delay, attempt_log)
WHERE d.delivery_id = given.delivery_id

-- revive_unknown --
-- Their category says at least once: what may have left is tried again.
UPDATE dispatch.deliveries
SET state = 4, due_time = now(), detail = ''
WHERE delivery_id IN (
    SELECT delivery_id FROM dispatch.deliveries
    WHERE state = 7 AND due_time <= now()
    ORDER BY delivery_id
    LIMIT $1
    FOR UPDATE SKIP LOCKED)

-- read_deliveries --
-- A delivery id keeps its notification's time, so the primary key finds them.
SELECT d.notification_id, delivery_id, channel, endpoint, state, detail, revision, recipient_id,
    claim_time, render_time, due_time, finish_time, attempt_log
FROM unnest($2::uuid[], $3::uuid[], $4::uuid[]) AS wanted (notification_id, lowest, highest)
JOIN dispatch.deliveries AS d
    ON d.delivery_id BETWEEN wanted.lowest AND wanted.highest
    AND d.notification_id = wanted.notification_id
WHERE tenant_id = $1
ORDER BY channel, delivery_id
