-- raise_floor --
-- In a transaction whose turn it is: what is being recorded knows the floor or is seen by what deletes. While a
-- rebuild is under way nothing goes, so that it counts all that the ledger states.
INSERT INTO tracking.floor AS f (state_time)
SELECT now() - $1::interval WHERE NOT EXISTS (SELECT FROM tracking.rebuild WHERE state = 1)
ON CONFLICT (one) DO UPDATE SET state_time = greatest(f.state_time, excluded.state_time)

-- delete_old_deliveries --
-- A delivery id keeps the time of its notification, before which nothing changes: only the old end of the primary
-- key ($2) is looked at. Without a floor nothing goes.
DELETE FROM tracking.deliveries
WHERE delivery_id = ANY (ARRAY (
    SELECT delivery_id FROM tracking.deliveries
    WHERE delivery_id > $1 AND delivery_id < $2 AND state_time < (SELECT state_time FROM tracking.floor)
    ORDER BY delivery_id
    LIMIT $3
    FOR UPDATE SKIP LOCKED))
RETURNING delivery_id

-- delete_old_facts --
-- The same: a notification id keeps the time of its acceptance.
DELETE FROM tracking.facts
WHERE ctid = ANY (ARRAY (
    SELECT ctid FROM tracking.facts
    WHERE notification_id > $1 AND notification_id < $2 AND fact_time < $4
    ORDER BY notification_id, channel, type, source
    LIMIT $3
    FOR UPDATE SKIP LOCKED))
RETURNING notification_id

-- delete_old_counts --
DELETE FROM tracking.counts
WHERE ctid = ANY (ARRAY (SELECT ctid FROM tracking.counts WHERE hour < $1 ORDER BY hour LIMIT $2 FOR UPDATE SKIP LOCKED))
