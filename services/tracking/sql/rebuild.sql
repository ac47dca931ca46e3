-- empty --
-- Facts stay: nobody could tell them again.
TRUNCATE tracking.deliveries, tracking.counts, tracking.floor

-- start_rebuild --
INSERT INTO tracking.rebuild AS r DEFAULT VALUES
ON CONFLICT (one) DO UPDATE SET state = 1, start_time = now(), update_time = now(), deliveries = 0,
    position = excluded.position, first_id = NULL, last_id = NULL, worker = NULL, worker_until = NULL
WHERE r.state <> 1 OR $1::boolean

-- stop_rebuild --
UPDATE tracking.rebuild SET state = 3, update_time = now() WHERE state = 1

-- read_rebuild --
SELECT state, start_time, update_time, deliveries, position, first_id, last_id FROM tracking.rebuild

-- claim_rebuild --
-- Its worker's, or one that has no living worker.
UPDATE tracking.rebuild SET worker = $1, worker_until = now() + $2::interval
WHERE state = 1 AND (worker = $1 OR worker IS NULL OR worker_until <= now())
RETURNING start_time, position, last_id

-- release_rebuild --
UPDATE tracking.rebuild SET worker = NULL, worker_until = NULL WHERE worker = $1

-- advance_rebuild --
-- Fenced: a page of another rebuild, or one that somebody has recorded meanwhile, changes nothing.
UPDATE tracking.rebuild
SET position = coalesce($4, $7, position), deliveries = deliveries + $5, first_id = coalesce(first_id, $6),
    last_id = $7, state = CASE WHEN $4 IS NULL THEN 2 ELSE 1 END, update_time = now(),
    worker_until = now() + $8::interval
WHERE state = 1 AND worker = $1 AND start_time = $2 AND position = $3
