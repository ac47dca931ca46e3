-- any_notification_kept --
-- All but what ended before $1 and expired before $2, so that it can be amended no more.
SELECT EXISTS (
    SELECT FROM {partition}
    WHERE (state IN (2, 3, 4, 5, 7) AND NOT stopping AND greatest(plan_time, cancel_time) < $1 AND expire_time < $2)
        IS NOT TRUE)

-- delete_ended_notifications --
WITH ended AS (
    SELECT notification_id FROM {partition}
    WHERE notification_id > $3 AND state IN (2, 3, 4, 5, 7) AND NOT stopping
        AND greatest(plan_time, cancel_time) < $1 AND expire_time < $2
    ORDER BY notification_id
    LIMIT $4
    FOR UPDATE SKIP LOCKED
)
DELETE FROM {partition} AS n
USING ended
WHERE n.notification_id = ended.notification_id
RETURNING n.notification_id

-- delete_old_requests --
WITH old AS (
    SELECT tenant_id, request_id FROM ingestion.request_ids WHERE accept_time < $1 LIMIT $2
),
locked AS (
    SELECT r.tenant_id, r.request_id
    FROM ingestion.request_ids AS r
    JOIN old USING (tenant_id, request_id)
    ORDER BY r.tenant_id, r.request_id
    FOR UPDATE OF r SKIP LOCKED
)
DELETE FROM ingestion.request_ids AS r
USING locked
WHERE r.tenant_id = locked.tenant_id AND r.request_id = locked.request_id

-- delete_dead_collapse_keys --
-- Of notifications that can be amended no more. The bound of the ids ($1) looks superfluous and is not: a
-- key that is given to a new notification meanwhile is seen with that, but the notification is not.
WITH dead AS (
    SELECT tenant_id, recipient_id, collapse_key
    FROM ingestion.collapse_keys AS k
    WHERE (tenant_id, recipient_id, collapse_key) > ($3, $4, $5) AND notification_id < $1
        AND NOT EXISTS (
            SELECT FROM ingestion.notifications AS n
            WHERE n.notification_id = k.notification_id AND n.state IN (1, 2, 6) AND n.expire_time > $2)
    ORDER BY tenant_id, recipient_id, collapse_key
    LIMIT $6
    FOR UPDATE OF k SKIP LOCKED
)
DELETE FROM ingestion.collapse_keys AS k
USING dead
WHERE k.tenant_id = dead.tenant_id AND k.recipient_id = dead.recipient_id AND k.collapse_key = dead.collapse_key
RETURNING k.tenant_id, k.recipient_id, k.collapse_key

-- delete_finished_stopped_plans --
-- Dispatch answered for good.
WITH finished AS (
    SELECT notification_id, revision FROM ingestion.stopped_plans
    WHERE due_time IS NULL AND notification_id < $1 AND expire_time < $2
    ORDER BY notification_id, revision
    LIMIT $3
    FOR UPDATE SKIP LOCKED
)
DELETE FROM ingestion.stopped_plans AS p
USING finished
WHERE p.notification_id = finished.notification_id AND p.revision = finished.revision

-- delete_dead_incarnations --
-- A claim whose owner has no row is as dead as one whose owner's lease is over.
WITH dead AS (
    SELECT incarnation_id FROM ingestion.incarnations
    WHERE expire_time < $1
    ORDER BY incarnation_id
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
DELETE FROM ingestion.incarnations AS i
USING dead
WHERE i.incarnation_id = dead.incarnation_id
