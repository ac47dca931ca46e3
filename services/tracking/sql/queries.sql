-- take_turn --
-- One transaction at a time writes here. They would wait for one another at the counts anyway, and so no
-- delivery and no fact about it can miss each other. Returns the oldest time of what is kept.
SELECT now() - $1::interval FROM pg_advisory_xact_lock(hashtext('tidings.tracking'))

-- read_known --
-- The deliveries of these ids, and those of these notifications and channels; a delivery id keeps its
-- notification's time, so the primary key finds both.
SELECT delivery_id, tenant_id, notification_id, revision, recipient_id, category, channel, template_name,
    template_version, state, provider, attempts, accept_time, state_time, change_number
FROM tracking.deliveries
WHERE delivery_id = ANY($1::uuid[])
UNION
SELECT delivery_id, tenant_id, d.notification_id, revision, recipient_id, category, d.channel, template_name,
    template_version, state, provider, attempts, accept_time, state_time, change_number
FROM unnest($2::uuid[], $3::smallint[], $4::uuid[], $5::uuid[]) AS fact (notification_id, channel, lowest, highest)
JOIN tracking.deliveries AS d
    ON d.delivery_id BETWEEN fact.lowest AND fact.highest
    AND d.notification_id = fact.notification_id AND d.channel = fact.channel

-- read_known_facts --
SELECT DISTINCT notification_id, channel, type FROM tracking.facts WHERE notification_id = ANY($1::uuid[])

-- write_deliveries --
INSERT INTO tracking.deliveries
    (delivery_id, tenant_id, notification_id, revision, recipient_id, category, channel, template_name,
     template_version, state, provider, attempts, accept_time, state_time, change_number)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::int[], $5::text[], $6::text[], $7::smallint[],
    $8::text[], $9::int[], $10::smallint[], $11::text[], $12::int[], $13::timestamptz[], $14::timestamptz[],
    $15::bigint[])
ON CONFLICT (delivery_id) DO UPDATE SET
    recipient_id = excluded.recipient_id, category = excluded.category,
    template_name = excluded.template_name, template_version = excluded.template_version,
    accept_time = excluded.accept_time,
    state = excluded.state, provider = excluded.provider, attempts = excluded.attempts,
    state_time = excluded.state_time, change_number = excluded.change_number

-- write_facts --
INSERT INTO tracking.facts (tenant_id, notification_id, channel, type, source, fact_time)
SELECT min(tenant_id), notification_id, channel, type, source, min(fact_time)
FROM unnest($1::text[], $2::uuid[], $3::smallint[], $4::smallint[], $5::text[], $6::timestamptz[])
    AS given (tenant_id, notification_id, channel, type, source, fact_time)
GROUP BY notification_id, channel, type, source
ON CONFLICT (notification_id, channel, type, source) DO UPDATE SET fact_time = excluded.fact_time
WHERE excluded.fact_time < facts.fact_time

-- move_counts --
INSERT INTO tracking.counts AS c (tenant_id, hour, category, channel, template_name, state, fact_type, count)
SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::smallint[], $5::text[], $6::smallint[],
    $7::smallint[], $8::bigint[])
ON CONFLICT (tenant_id, hour, category, channel, template_name, state, fact_type)
    DO UPDATE SET count = c.count + excluded.count

-- list_deliveries --
-- At most $10 rows are looked at; the last of them is returned even if it does not match, so that the next
-- page goes on behind it.
SELECT delivery_id, notification_id, revision, recipient_id, category, channel, template_name, template_version,
    state, provider, attempts, accept_time, state_time, matches, place
FROM (
    SELECT *, row_number() OVER (ORDER BY delivery_id DESC) AS place,
        ($5 = '' OR category = $5) AND ($6 = 0 OR channel = $6)
            AND (cardinality($7::smallint[]) = 0 OR state = ANY($7::smallint[]))
            AND ($8::timestamptz IS NULL OR accept_time >= $8)
            AND ($9::timestamptz IS NULL OR accept_time < $9) AS matches
    FROM (
        SELECT * FROM tracking.deliveries
        WHERE tenant_id = $1 AND recipient_id = $2 AND delivery_id >= $3 AND delivery_id < $4
        ORDER BY delivery_id DESC
        LIMIT $10
    ) AS scanned
) AS judged
WHERE matches OR place = $10
ORDER BY delivery_id DESC
LIMIT $11

-- count_deliveries --
-- Places are numbered, so that one more than wanted ($8) says that there are more.
SELECT start_time, category, channel, template_name, state, fact_type, count
FROM (
    SELECT date_trunc($4, hour, 'UTC') AS start_time, category, channel, template_name, state, fact_type,
        sum(count)::bigint AS count,
        dense_rank() OVER (ORDER BY date_trunc($4, hour, 'UTC'), category, channel, template_name) AS place
    FROM tracking.counts
    WHERE tenant_id = $1 AND hour >= $2 AND hour < $3 AND count > 0
        AND ($5 = '' OR category = $5) AND ($6 = 0 OR channel = $6) AND ($7 = '' OR template_name = $7)
    GROUP BY 1, category, channel, template_name, state, fact_type
) AS numbered
WHERE place <= $8
ORDER BY place, state, fact_type

-- read_facts --
SELECT notification_id, channel, type, source, fact_time
FROM tracking.facts
WHERE tenant_id = $1 AND notification_id = ANY($2::uuid[])
ORDER BY fact_time, type

-- delete_old_deliveries --
-- In slices, so that no transaction grows long.
DELETE FROM tracking.deliveries
WHERE delivery_id IN (
    SELECT delivery_id FROM tracking.deliveries WHERE state_time < now() - $1::interval LIMIT $2
)

-- delete_old_facts --
DELETE FROM tracking.facts
WHERE (notification_id, channel, type, source) IN (
    SELECT notification_id, channel, type, source FROM tracking.facts
    WHERE fact_time < now() - $1::interval LIMIT $2
)

-- delete_old_counts --
DELETE FROM tracking.counts
WHERE (tenant_id, hour, category, channel, template_name, state, fact_type) IN (
    SELECT tenant_id, hour, category, channel, template_name, state, fact_type FROM tracking.counts
    WHERE hour < now() - $1::interval LIMIT $2
)
