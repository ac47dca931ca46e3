-- most_waiting --
-- More cannot wait than have room in the index: 6 bytes is the least that an entry takes.
SELECT coalesce(sum(pg_relation_size(inhrelid)), 0)::bigint / 6 AS rows
FROM pg_inherits
WHERE inhparent = 'ingestion.notifications_waiting'::regclass

-- waiting_tenants --
-- Walked by index, whatever waits.
WITH RECURSIVE tenants AS (
    (SELECT tenant_id
     FROM ingestion.notifications
     WHERE state IN (1, 6) AND claim_owner IS NULL AND NOT stopping
     ORDER BY tenant_id
     LIMIT 1)
    UNION ALL
    SELECT following.tenant_id
    FROM tenants
    CROSS JOIN LATERAL (
        SELECT n.tenant_id
        FROM ingestion.notifications AS n
        WHERE n.state IN (1, 6) AND n.claim_owner IS NULL AND NOT n.stopping AND n.tenant_id > tenants.tenant_id
        ORDER BY n.tenant_id
        LIMIT 1) AS following
)
SELECT tenant_id FROM tenants

-- has_waiting --
-- Reads no more of the index than $2 entries.
SELECT EXISTS (
    SELECT FROM ingestion.notifications
    WHERE state IN (1, 6) AND claim_owner IS NULL AND NOT stopping AND tenant_id = $1
    OFFSET $2::bigint - 1)

-- tenants_of_old_messages --
-- The outbox is small: credit bounds it.
SELECT tenant_id FROM ingestion.outbox GROUP BY tenant_id HAVING min(create_time) < now() - $1::interval
