-- claim_tasks --
-- A message's deliveries enter the ledger; those that are there already stay as they are. So do those
-- below the floor, which were there once and are deleted.
INSERT INTO dispatch.deliveries
    (delivery_id, tenant_id, notification_id, revision, recipient_id, category, channel, priority, guarantee,
     endpoint, locale, template_name, template_version, variables, traceparent, accept_time, expire_time,
     state, claim_owner, claim_token, claim_deadline, orphanings, late)
SELECT delivery_id, $2, notification_id, revision, recipient_id, category, $3, $4, guarantee,
    endpoint, locale, template_name, template_version, variables, traceparent, accept_time, expire_time,
    2, $17::uuid, $18::uuid, now() + $19::interval, $21, delivery_id < $23::uuid
FROM unnest($1::uuid[], $5::uuid[], $6::int[], $7::text[], $8::text[], $9::smallint[], $10::text[],
            $11::text[], $12::text[], $13::int[], $14::bytea[], $15::text[], $16::timestamptz[],
            $20::timestamptz[])
    AS given (delivery_id, notification_id, revision, recipient_id, category, guarantee, endpoint,
              locale, template_name, template_version, variables, traceparent, accept_time, expire_time)
WHERE NOT EXISTS (SELECT FROM dispatch.floor AS f
                  WHERE $22::uuid < f.message_id AND given.expire_time < f.expire_time)
ORDER BY delivery_id
ON CONFLICT (delivery_id) DO NOTHING
RETURNING delivery_id

-- claim_due --
-- What waits for its time and has it. PARKED and WAITING rows without a time wait for somebody's word.
WITH due AS (
    SELECT delivery_id FROM dispatch.deliveries
    WHERE due_time <= now() AND state IN (4, 9, 10) AND channel = $4 AND priority = $5
    ORDER BY due_time
    LIMIT $6
    FOR UPDATE SKIP LOCKED
)
UPDATE dispatch.deliveries AS d
SET state = 2, due_time = NULL, detail = '', claims = claims + 1,
    claim_owner = $1, claim_token = $2, claim_deadline = now() + $3::interval
FROM due
WHERE d.delivery_id = due.delivery_id
RETURNING d.delivery_id, tenant_id, notification_id, revision, recipient_id, category, channel, priority,
    guarantee, endpoint, locale, template_name, template_version, variables, traceparent, accept_time,
    expire_time, attempts, claims, orphanings, claim_token

-- is_any_due --
SELECT EXISTS (SELECT FROM dispatch.deliveries WHERE due_time <= now() AND state IN (4, 9, 10))

-- count_due --
SELECT channel, priority, count(*) AS deliveries
FROM dispatch.deliveries
WHERE due_time <= now() AND state IN (4, 9, 10)
GROUP BY channel, priority

-- begin_alone --
-- Written before it is worked on, so that a death points at it.
UPDATE dispatch.deliveries SET alone = true
WHERE delivery_id = $1 AND claim_token = $2 AND state = 2

-- begin_sending --
-- Right before the provider is called: with the own token and more lease left than the call may take.
-- The bounds of the ids ($5, $6) spare the other weeks' partitions, here and below.
WITH mine AS (
    SELECT d.delivery_id FROM dispatch.deliveries AS d
    JOIN unnest($1::uuid[], $2::uuid[]) AS held (delivery_id, claim_token) USING (delivery_id, claim_token)
    WHERE d.delivery_id BETWEEN $5 AND $6 AND state = 2 AND claim_deadline > now() + $3::interval
        AND EXISTS (SELECT FROM dispatch.incarnations
                    WHERE incarnation_id = claim_owner AND expire_time > now() + $3::interval)
    ORDER BY d.delivery_id
    FOR UPDATE OF d
)
UPDATE dispatch.deliveries AS d
SET state = 3, attempts = attempts + 1, sending_time = now(), render_time = $4
WHERE d.delivery_id = ANY (ARRAY (SELECT delivery_id FROM mine)) AND d.delivery_id BETWEEN $5 AND $6
RETURNING d.delivery_id

-- change --
-- Follows each statement that moves deliveries to where an event has to say so.
RETURNING d.delivery_id, d.tenant_id, d.notification_id, d.revision, d.recipient_id, d.category, d.channel,
    d.template_name, d.template_version, d.state, d.attempts, d.attempt_log, d.accept_time, d.change_number,
    d.change_time

-- settle --
-- The only way out of CLAIMED ($8 = 2) and SENDING ($8 = 3) for the process that holds the tokens.
-- What was cancelled meanwhile and would be tried again ends: CANCELLED (12) if it did not leave,
-- UNKNOWN (7) if nobody can say. An item for the inbox ($10) is written all the same, since it may be
-- there already.
WITH mine AS (
    SELECT d.delivery_id FROM dispatch.deliveries AS d
    JOIN unnest($1::uuid[], $7::uuid[]) AS held (delivery_id, claim_token) USING (delivery_id, claim_token)
    WHERE d.delivery_id BETWEEN $11 AND $12 AND state = $8
    ORDER BY d.delivery_id
    FOR UPDATE OF d
),
decided AS (
    SELECT d.delivery_id,
        CASE WHEN d.cancelled AND d.channel <> $10 AND given.state IN (4, 9, 10)
             THEN CASE WHEN d.in_doubt OR given.in_doubt THEN 7 ELSE 12 END
             ELSE given.state END AS state,
        CASE WHEN NOT d.cancelled OR d.channel = $10 THEN given.delay END AS delay,
        given.detail, given.attempt_log, given.in_doubt
    FROM mine
    JOIN dispatch.deliveries AS d USING (delivery_id)
    JOIN unnest($1::uuid[], $2::smallint[], $3::text[], $4::interval[], $5::bytea[], $13::boolean[])
        AS given (delivery_id, state, detail, delay, attempt_log, in_doubt) USING (delivery_id)
    WHERE d.delivery_id BETWEEN $11 AND $12
)
UPDATE dispatch.deliveries AS d
SET state = decided.state,
    detail = decided.detail,
    due_time = now() + decided.delay,
    attempts = d.attempts + $9,
    attempt_log = d.attempt_log || decided.attempt_log,
    render_time = coalesce($6, d.render_time),
    in_doubt = d.in_doubt OR decided.in_doubt OR decided.state = 7,
    change_number = d.change_number + 1, change_time = now(),
    alone = false, claim_owner = NULL, claim_token = NULL, claim_deadline = NULL
FROM decided
WHERE d.delivery_id = decided.delivery_id AND d.delivery_id BETWEEN $11 AND $12

-- add_gone_endpoints --
-- In the transaction that settles the deliveries which found out, in key order like every insert of many.
INSERT INTO dispatch.gone_endpoints (delivery_id, tenant_id, recipient_id, channel, endpoint, call_time)
SELECT delivery_id, tenant_id, recipient_id, channel, endpoint, call_time
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::smallint[], $5::text[], $6::timestamptz[])
    AS given (delivery_id, tenant_id, recipient_id, channel, endpoint, call_time)
ORDER BY delivery_id
ON CONFLICT (delivery_id) DO NOTHING

-- take_gone_endpoints --
-- For a while they are this process's to tell; then they are due again.
WITH due AS (
    SELECT delivery_id FROM dispatch.gone_endpoints WHERE due_time <= now() ORDER BY due_time LIMIT $2
    FOR UPDATE SKIP LOCKED
)
UPDATE dispatch.gone_endpoints AS g SET due_time = now() + $1::interval
FROM due
WHERE g.delivery_id = due.delivery_id
RETURNING g.delivery_id, tenant_id, recipient_id, channel, endpoint, call_time

-- delete_gone_endpoints --
DELETE FROM dispatch.gone_endpoints WHERE delivery_id = ANY($1::uuid[])

-- settle_late --
-- A call outlived its claim and was written off as UNKNOWN; its outcome is known after all.
WITH mine AS (
    SELECT delivery_id FROM dispatch.deliveries
    WHERE delivery_id = ANY($1::uuid[]) AND delivery_id BETWEEN $3 AND $4 AND state = 7
    ORDER BY delivery_id
    FOR UPDATE
)
UPDATE dispatch.deliveries AS d
SET state = 5, detail = '', due_time = NULL, attempt_log = d.attempt_log || given.attempt_log,
    change_number = d.change_number + 1, change_time = now()
FROM mine
JOIN unnest($1::uuid[], $2::bytea[]) AS given (delivery_id, attempt_log) USING (delivery_id)
WHERE d.delivery_id = mine.delivery_id AND d.delivery_id BETWEEN $3 AND $4

-- insert_tombstones --
-- What is stopped before its message came must not be claimed when it comes. Nothing comes below the
-- floor, where a row may have been deleted that says more.
INSERT INTO dispatch.deliveries AS d
    (delivery_id, tenant_id, notification_id, revision, recipient_id, category, channel, priority, guarantee,
     endpoint, locale, template_name, template_version, variables, traceparent, accept_time, expire_time,
     state, cancelled, claims, change_time, change_number)
SELECT delivery_id, tenant_id, notification_id, revision, recipient_id, category, channel, 0, 0, endpoint, '',
    template_name, template_version, '', '', accept_time, expire_time, 12, true, 0, now(), 1
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::int[], $5::smallint[], $6::text[], $7::timestamptz[],
            $8::text[], $9::text[], $10::text[], $11::int[], $12::timestamptz[])
    AS given (delivery_id, tenant_id, notification_id, revision, channel, endpoint, expire_time,
              recipient_id, category, template_name, template_version, accept_time)
WHERE NOT EXISTS (SELECT FROM dispatch.floor AS f
                  WHERE given.delivery_id < f.message_id AND given.expire_time < f.expire_time)
ORDER BY delivery_id
ON CONFLICT (delivery_id) DO NOTHING

-- cancel_deliveries --
-- What waits ends here, and so does a mail in a lane, which needs its token before it is sent: CANCELLED (12),
-- or UNKNOWN (7) if an earlier attempt may have left. What is being sent is only marked, and so is an
-- item for the inbox ($2) that was ever in hand: it needs no SENDING, so nobody can say whether it is there.
WITH mine AS (
    SELECT delivery_id,
        state IN (4, 9, 10) AND (channel <> $2 OR claims = 0) OR state = 2 AND channel <> $2 AS ends
    FROM dispatch.deliveries
    WHERE delivery_id = ANY($1::uuid[]) AND delivery_id BETWEEN $3 AND $4
        AND state IN (2, 3, 4, 7, 9, 10)
    ORDER BY delivery_id
    FOR UPDATE
)
UPDATE dispatch.deliveries AS d
SET cancelled = true,
    state = CASE WHEN NOT mine.ends THEN d.state WHEN d.in_doubt THEN 7 ELSE 12 END,
    due_time = CASE WHEN mine.ends OR d.state = 7 THEN NULL ELSE d.due_time END,
    claim_token = CASE WHEN mine.ends THEN NULL ELSE d.claim_token END,
    change_number = d.change_number + mine.ends::int,
    change_time = CASE WHEN mine.ends THEN now() ELSE d.change_time END
FROM mine
WHERE d.delivery_id = mine.delivery_id AND d.delivery_id BETWEEN $3 AND $4

-- read_states --
SELECT delivery_id, state FROM dispatch.deliveries
WHERE delivery_id = ANY($1::uuid[]) AND delivery_id BETWEEN $2 AND $3

-- lock_orphans --
-- In a dead process's hands, or past the deadline that even a living one may not outlive.
SELECT delivery_id, tenant_id, notification_id, channel, state, attempts, claims, guarantee, d.expire_time,
    sending_time, alone, cancelled, in_doubt, lone_deaths, variables, i.incarnation_id IS NULL AS died
FROM dispatch.deliveries AS d
LEFT JOIN dispatch.incarnations AS i ON i.incarnation_id = d.claim_owner AND i.expire_time > now()
WHERE state IN (2, 3) AND (claim_deadline <= now() OR i.incarnation_id IS NULL)
ORDER BY delivery_id
LIMIT $1
FOR UPDATE OF d SKIP LOCKED

-- orphan --
-- What was only claimed is due at once; what was being sent may have left. A living owner that came too
-- late is no death.
UPDATE dispatch.deliveries AS d
SET state = given.state, detail = given.detail, due_time = now() + given.delay,
    attempt_log = d.attempt_log || given.attempt_log,
    orphanings = orphanings + given.died::int,
    lone_deaths = lone_deaths + (alone AND given.died)::int,
    alone = false, in_doubt = d.in_doubt OR given.state = 7 OR d.state = 3,
    change_number = d.change_number + 1, change_time = now(),
    claim_owner = NULL, claim_token = NULL, claim_deadline = NULL
FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::interval[], $5::bytea[], $6::boolean[])
    AS given (delivery_id, state, detail, delay, attempt_log, died)
WHERE d.delivery_id = given.delivery_id

-- insert_dead_letters --
INSERT INTO dispatch.dead_letters
    (dead_letter_id, tenant_id, reason, detail, delivery_id, notification_id, channel, body)
SELECT dead_letter_id, tenant_id, reason, detail, delivery_id, notification_id, channel, body
FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::text[], $5::uuid[], $6::uuid[], $7::smallint[], $8::bytea[])
    AS given (dead_letter_id, tenant_id, reason, detail, delivery_id, notification_id, channel, body)
ON CONFLICT DO NOTHING

-- list_dead_letters --
-- At most $6 rows are looked at; the last of them is returned even if it does not match, so that the next
-- page goes on behind it. Compared as a row, only the index that begins with the tenant has them in order.
SELECT dead_letter_id, reason, detail, delivery_id, notification_id, channel, body_size, create_time, matches, place
FROM (
    SELECT *, row_number() OVER (ORDER BY dead_letter_id DESC) AS place,
        ($4::smallint = 0 OR reason = $4) AND ($5::smallint = 0 OR channel = $5) AS matches
    FROM (
        SELECT dead_letter_id, reason, detail, delivery_id, notification_id, channel,
            octet_length(body) AS body_size, create_time
        FROM dispatch.dead_letters
        WHERE (tenant_id, dead_letter_id) >= ($1, '00000000-0000-0000-0000-000000000000')
            AND (tenant_id, dead_letter_id) < ($1, $2)
        ORDER BY tenant_id DESC, dead_letter_id DESC
        LIMIT $6
    ) AS scanned
) AS judged
WHERE matches OR place = $6
ORDER BY dead_letter_id DESC
LIMIT $3

-- create_webhook_roots --
-- The first one of each tenant that has none, however many processes ask at once.
INSERT INTO dispatch.webhook_roots (root_id, tenant_id, sealed_root)
SELECT root_id, tenant_id, sealed_root
FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS given (root_id, tenant_id, sealed_root)
ORDER BY tenant_id
ON CONFLICT (tenant_id) WHERE expire_time IS NULL DO NOTHING

-- read_webhook_roots --
SELECT tenant_id, root_id, sealed_root, expire_time FROM dispatch.webhook_roots
WHERE tenant_id = ANY($1::text[]) AND (expire_time IS NULL OR expire_time > now())
ORDER BY tenant_id, expire_time IS NULL DESC, root_id DESC

-- list_webhook_roots --
SELECT root_id, tenant_id, sealed_root FROM dispatch.webhook_roots
WHERE $1::uuid IS NULL OR root_id > $1
ORDER BY root_id
LIMIT $2

-- reseal_webhook_root --
-- The same root in another seal: whoever is later may do it again.
UPDATE dispatch.webhook_roots SET sealed_root = $2
WHERE root_id = $1

-- lock_webhook_roots --
-- Rotations of a tenant come one after the other; there may be no row yet to lock.
SELECT now() + $2::interval
FROM pg_advisory_xact_lock(hashtextextended('dispatch.webhook_roots ' || $1::text, 0))

-- expire_webhook_roots --
-- What is to stop sooner than that goes on stopping sooner.
UPDATE dispatch.webhook_roots SET expire_time = least(expire_time, now() + $2::interval)
WHERE tenant_id = $1

-- delete_webhook_roots --
-- What no longer signs, and the oldest when there are too many for one header.
DELETE FROM dispatch.webhook_roots
WHERE tenant_id = $1
    AND (expire_time <= now()
         OR root_id NOT IN (SELECT root_id FROM dispatch.webhook_roots WHERE tenant_id = $1
                            ORDER BY expire_time IS NULL DESC, root_id DESC LIMIT $2))

-- revive_unknown --
-- Their category says at least once: what may have left is tried again.
UPDATE dispatch.deliveries AS d
SET state = 4, due_time = now(), detail = '', change_number = change_number + 1, change_time = now()
WHERE delivery_id = ANY (ARRAY (
    SELECT delivery_id FROM dispatch.deliveries
    -- Found in the order of their index, which is short; in the order of the ids the whole ledger is walked.
    WHERE delivery_id = ANY (ARRAY (
            SELECT delivery_id FROM dispatch.deliveries
            WHERE state = 7 AND due_time <= now()
            ORDER BY due_time
            LIMIT $1))
        AND state = 7 AND due_time <= now()
    ORDER BY delivery_id
    FOR UPDATE SKIP LOCKED))

-- read_deliveries --
-- A delivery id keeps its notification's time, so the primary key finds them.
SELECT d.notification_id, delivery_id, channel, endpoint, state, detail, revision, recipient_id,
    claim_time, render_time, due_time, change_time, attempt_log
FROM unnest($2::uuid[], $3::uuid[], $4::uuid[]) AS wanted (notification_id, lowest, highest)
JOIN dispatch.deliveries AS d
    ON d.delivery_id BETWEEN wanted.lowest AND wanted.highest
    AND d.notification_id = wanted.notification_id
WHERE tenant_id = $1
ORDER BY channel, delivery_id

-- restate --
-- A page of the ledger as the last events told it; a stretch of the primary key, week after week.
SELECT delivery_id, tenant_id, notification_id, revision, recipient_id, category, channel, template_name,
    template_version, state, attempts, attempt_log, accept_time, change_number, change_time
FROM dispatch.deliveries
WHERE delivery_id > $1 AND delivery_id <= $2
ORDER BY delivery_id
LIMIT $3

-- last_delivery_id --
SELECT delivery_id FROM dispatch.deliveries ORDER BY delivery_id DESC LIMIT 1
