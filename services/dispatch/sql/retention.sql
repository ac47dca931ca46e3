-- any_delivery_kept --
-- All but what ended before $1 and expired before $2.
SELECT EXISTS (
    SELECT FROM {partition}
    WHERE (state IN (5, 6, 7, 8, 11, 12, 13) AND due_time IS NULL AND change_time < $1 AND expire_time < $2)
        IS NOT TRUE)

-- any_delivery_written --
-- Entered long after its week, and too lately to have ended before $1. ($2 is given to all of these.)
SELECT EXISTS (
    SELECT FROM {partition}
    WHERE (claims = 0 OR late OR claim_time - accept_time > interval '1 day')
        AND claim_time >= $1 AND $2::timestamptz IS NOT NULL)

-- delete_ended_deliveries --
WITH ended AS (
    SELECT delivery_id FROM {partition}
    WHERE delivery_id > $3 AND state IN (5, 6, 7, 8, 11, 12, 13) AND due_time IS NULL
        AND change_time < $1 AND expire_time < $2
    ORDER BY delivery_id
    LIMIT $4
    FOR UPDATE SKIP LOCKED
)
DELETE FROM {partition} AS d
USING ended
WHERE d.delivery_id = ended.delivery_id
RETURNING d.delivery_id

-- lock_floor --
-- Claims read it before they begin, so from here on none is under way that knows an older one.
LOCK TABLE dispatch.floor IN ACCESS EXCLUSIVE MODE

-- raise_floor --
UPDATE dispatch.floor
SET message_id = greatest(message_id, $1::uuid), expire_time = greatest(expire_time, $2::timestamptz)

-- delete_old_dead_letters --
WITH old AS (
    SELECT dead_letter_id FROM dispatch.dead_letters
    WHERE dead_letter_id < $1
    ORDER BY dead_letter_id
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
DELETE FROM dispatch.dead_letters AS d
USING old
WHERE d.dead_letter_id = old.dead_letter_id

-- delete_dead_incarnations --
-- A claim whose owner has no row is as dead as one whose owner's lease is over.
WITH dead AS (
    SELECT incarnation_id FROM dispatch.incarnations
    WHERE expire_time < $1
    ORDER BY incarnation_id
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
DELETE FROM dispatch.incarnations AS i
USING dead
WHERE i.incarnation_id = dead.incarnation_id
