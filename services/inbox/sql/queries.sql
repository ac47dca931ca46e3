-- create_heads --
-- In key order: an insert waits for another transaction's insert of the same key.
INSERT INTO inbox.heads (tenant_id, recipient_id)
SELECT tenant_id, recipient_id
FROM unnest($1::text[], $2::text[]) AS wanted (tenant_id, recipient_id)
ORDER BY tenant_id, recipient_id
ON CONFLICT (tenant_id, recipient_id) DO NOTHING

-- lock_heads --
-- The plan locks above its sort, so rows are locked in key order whatever the order of the arrays.
SELECT tenant_id, recipient_id, epoch, sequence, floor, unread, total
FROM inbox.heads
JOIN unnest($1::text[], $2::text[]) AS wanted (tenant_id, recipient_id)
    USING (tenant_id, recipient_id)
ORDER BY tenant_id, recipient_id
FOR UPDATE OF heads

-- lock_items --
-- Asked after the heads are locked, so that it sees what their last holders have committed. In key
-- order too, because stream writes are recorded without the heads. By nothing but the ids, which are
-- unique by themselves: a planner that knows no better prefers to walk whole feeds.
SELECT tenant_id, recipient_id, item_id, revision, read_time IS NOT NULL AS read
FROM inbox.items
WHERE item_id = ANY ($1::uuid[])
ORDER BY tenant_id, recipient_id, item_id
FOR UPDATE

-- lock_own_items --
-- The same for one inbox, whatever ids its owner names.
SELECT item_id, read_time IS NOT NULL AS read
FROM inbox.items
WHERE tenant_id = $1 AND recipient_id = $2 AND item_id = ANY ($3::uuid[])
ORDER BY item_id
FOR UPDATE

-- write_items --
-- A newer revision keeps its place (created_sequence, create_time) and is unread again.
INSERT INTO inbox.items
    (tenant_id, recipient_id, item_id, revision, sequence, created_sequence, category, content,
    traceparent, accept_time, create_time)
SELECT tenant_id, recipient_id, item_id, revision, sequence, sequence, category, content,
    traceparent, accept_time, now()
FROM unnest(
    $1::text[], $2::text[], $3::uuid[], $4::integer[], $5::bigint[], $6::text[], $7::bytea[],
    $8::text[], $9::timestamptz[]
) AS written
    (tenant_id, recipient_id, item_id, revision, sequence, category, content, traceparent, accept_time)
ON CONFLICT (item_id, tenant_id, recipient_id) DO UPDATE SET
    revision = excluded.revision,
    sequence = excluded.sequence,
    category = excluded.category,
    content = excluded.content,
    traceparent = excluded.traceparent,
    accept_time = excluded.accept_time,
    read_time = NULL

-- move_heads --
UPDATE inbox.heads SET sequence = moved.sequence, unread = moved.unread, total = moved.total
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[])
    AS moved (tenant_id, recipient_id, sequence, unread, total)
WHERE heads.tenant_id = moved.tenant_id AND heads.recipient_id = moved.recipient_id

-- mark_read --
-- Each item that was unread takes the next number, the oldest item first.
UPDATE inbox.items SET read_time = now(), sequence = $4 + marked.number
FROM (
    SELECT item_id, row_number() OVER (ORDER BY created_sequence) AS number
    FROM inbox.items
    WHERE tenant_id = $1 AND recipient_id = $2 AND item_id = ANY ($3::uuid[])
        AND read_time IS NULL
) AS marked
WHERE items.tenant_id = $1 AND items.recipient_id = $2 AND items.item_id = marked.item_id
RETURNING items.item_id, read_time

-- get_items --
SELECT item_id, category, content, sequence, created_sequence, create_time, read_time,
    stream_write_time IS NOT NULL AS streamed, traceparent, accept_time
FROM inbox.items
WHERE tenant_id = $1 AND recipient_id = $2 AND item_id = ANY ($3::uuid[])
ORDER BY created_sequence DESC

-- read_heads --
SELECT tenant_id, recipient_id, epoch, sequence, floor, unread, total
FROM inbox.heads
JOIN unnest($1::text[], $2::text[]) AS wanted (tenant_id, recipient_id)
    USING (tenant_id, recipient_id)

-- read_changes --
-- For each stream its head and the changes after its position, as of one moment: no change up to the
-- head can be missing, because numbers are given and committed under the head's lock. At most
-- $5 items and about $6 bytes each; `found` counts one item more when there are more.
SELECT wanted.number AS stream, head.epoch, head.sequence AS head_sequence, head.floor, head.unread,
    head.total, page.item_id, page.category, page.content, page.sequence, page.created_sequence,
    page.create_time, page.read_time, page.streamed, page.traceparent, page.accept_time, page.found
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) WITH ORDINALITY
    AS wanted (tenant_id, recipient_id, after, up_to, number)
JOIN inbox.heads AS head USING (tenant_id, recipient_id)
LEFT JOIN LATERAL (
    SELECT * FROM (
        SELECT item.*, count(*) OVER () AS found, row_number() OVER feed AS place,
            sum(octet_length(content)) OVER feed - octet_length(content) AS bytes_before
        FROM (
            SELECT item_id, category, content, sequence, created_sequence, create_time, read_time,
                stream_write_time IS NOT NULL AS streamed, traceparent, accept_time
            FROM inbox.items
            WHERE items.tenant_id = wanted.tenant_id
                AND items.recipient_id = wanted.recipient_id
                AND items.sequence > wanted.after
                AND items.sequence <= least(wanted.up_to, head.sequence)
            ORDER BY items.sequence
            LIMIT $5::bigint + 1
        ) AS item
        WINDOW feed AS (ORDER BY sequence)
    ) AS counted
    WHERE place <= $5::bigint AND bytes_before < $6::bigint
) AS page ON true
ORDER BY wanted.number, page.sequence

-- read_newest --
-- For each reader its counts and the items created before a position, newest first, as of one moment.
-- Bounded like read_changes, but with a limit of each reader's own.
SELECT wanted.number AS stream, head.epoch, head.sequence AS head_sequence, head.floor, head.unread,
    head.total, page.item_id, page.category, page.content, page.sequence, page.created_sequence,
    page.create_time, page.read_time, page.streamed, page.traceparent, page.accept_time, page.found
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::boolean[]) WITH ORDINALITY
    AS wanted (tenant_id, recipient_id, before, most, unread_only, number)
LEFT JOIN inbox.heads AS head USING (tenant_id, recipient_id)
LEFT JOIN LATERAL (
    SELECT * FROM (
        SELECT item.*, count(*) OVER () AS found, row_number() OVER feed AS place,
            sum(octet_length(content)) OVER feed - octet_length(content) AS bytes_before
        FROM (
            SELECT item_id, category, content, sequence, created_sequence, create_time, read_time,
                stream_write_time IS NOT NULL AS streamed, traceparent, accept_time
            FROM inbox.items
            WHERE items.tenant_id = wanted.tenant_id
                AND items.recipient_id = wanted.recipient_id
                AND items.created_sequence < wanted.before
                AND (NOT wanted.unread_only OR items.read_time IS NULL)
            ORDER BY items.created_sequence DESC
            LIMIT wanted.most + 1
        ) AS item
        WINDOW feed AS (ORDER BY created_sequence DESC)
    ) AS counted
    WHERE place <= wanted.most AND bytes_before < $6::bigint
) AS page ON true
ORDER BY wanted.number, page.created_sequence DESC

-- record_stream_writes --
-- The first write counts; rows are locked in key order as the deliveries lock them. No join: one of two
-- short lists of unknown length is planned as a loop in a loop. The ids ($1) are sorted: each is found by halving.
WITH unwritten AS (
    SELECT item_id
    FROM inbox.items
    WHERE item_id = ANY ($1::uuid[]) AND stream_write_time IS NULL
    ORDER BY tenant_id, recipient_id, item_id
    FOR UPDATE
)
UPDATE inbox.items SET stream_write_time = ($2::timestamptz[])[width_bucket(item_id, $1::uuid[])]
WHERE item_id = ANY (ARRAY (SELECT item_id FROM unwritten))

-- read_receipts --
SELECT item_id, stream_write_time
FROM inbox.items
JOIN unnest($2::text[], $3::uuid[]) AS wanted (recipient_id, item_id) USING (recipient_id, item_id)
WHERE tenant_id = $1 AND item_id = ANY ($3::uuid[]) AND stream_write_time IS NOT NULL
