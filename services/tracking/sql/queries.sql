-- take_turn --
-- One transaction at a time writes here. They would wait for one another at the counts anyway, and so no
-- delivery and no fact about it can miss each other. What follows is a statement of its own, which sees all
-- that the one before has committed.
SELECT pg_advisory_xact_lock(hashtext('tidings.tracking'))

-- record_deliveries --
-- Of each delivery the latest change is written if it is news; the delivery, and each kind of fact that is
-- known of it, leave their old place in the counts and enter the new one. An unknown delivery below the
-- floor may have been counted and deleted.
WITH stated AS (
    SELECT DISTINCT ON (delivery_id) *
    FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::int[], $5::text[], $6::text[], $7::smallint[],
        $8::text[], $9::int[], $10::smallint[], $11::text[], $12::int[], $13::timestamptz[], $14::timestamptz[],
        $15::bigint[])
        AS given (delivery_id, tenant_id, notification_id, revision, recipient_id, category, channel,
                  template_name, template_version, state, provider, attempts, accept_time, state_time, change_number)
    ORDER BY delivery_id, change_number DESC
),
news AS MATERIALIZED (
    SELECT s.*, k.category AS old_category, k.template_name AS old_template_name, k.state AS old_state,
        k.accept_time AS old_accept_time
    FROM stated AS s
    -- Named a second time, or a plan made for a small table would go on reading a large one from end to end.
    LEFT JOIN (SELECT * FROM tracking.deliveries WHERE delivery_id = ANY($1::uuid[])) AS k USING (delivery_id)
    WHERE CASE WHEN k.delivery_id IS NULL
               THEN s.state_time >= coalesce((SELECT state_time FROM tracking.floor), '-infinity')
               ELSE s.change_number > k.change_number END
),
written AS (
    INSERT INTO tracking.deliveries
        (delivery_id, tenant_id, notification_id, revision, recipient_id, category, channel, template_name,
         template_version, state, provider, attempts, accept_time, state_time, change_number)
    SELECT delivery_id, tenant_id, notification_id, revision, recipient_id, category, channel, template_name,
        template_version, state, provider, attempts, accept_time, state_time, change_number
    FROM news
    ON CONFLICT (delivery_id) DO UPDATE SET
        recipient_id = excluded.recipient_id, category = excluded.category,
        template_name = excluded.template_name, template_version = excluded.template_version,
        accept_time = excluded.accept_time,
        state = excluded.state, provider = excluded.provider, attempts = excluded.attempts,
        state_time = excluded.state_time, change_number = excluded.change_number
),
moves AS (
    SELECT tenant_id, accept_time, category, channel, template_name, state, notification_id, 1 AS change FROM news
    UNION ALL
    SELECT tenant_id, old_accept_time, old_category, channel, old_template_name, old_state, notification_id, -1
    FROM news WHERE old_state IS NOT NULL
),
kinds AS (
    SELECT DISTINCT notification_id, channel, type FROM tracking.facts WHERE notification_id = ANY($3::uuid[])
),
counted AS (
    SELECT tenant_id, accept_time, category, channel, template_name, state, 0 AS fact_type, change FROM moves
    UNION ALL
    SELECT tenant_id, accept_time, category, channel, template_name, 0, type, change
    FROM moves JOIN kinds USING (notification_id, channel)
)
INSERT INTO tracking.counts AS c (tenant_id, hour, category, channel, template_name, state, fact_type, count)
SELECT tenant_id, date_trunc('hour', accept_time, 'UTC'), category, channel, template_name, state, fact_type, sum(change)
FROM counted
GROUP BY 1, 2, 3, 4, 5, 6, 7
HAVING sum(change) <> 0
ON CONFLICT (tenant_id, hour, category, channel, template_name, state, fact_type)
    DO UPDATE SET count = c.count + excluded.count

-- record_facts --
-- Of repeats the first time counts. A kind that is new of a notification on a channel is counted for each of
-- its deliveries there, which the primary key finds: a delivery id keeps its notification's time.
WITH given AS (
    SELECT min(tenant_id) AS tenant_id, notification_id, channel, type, source, min(fact_time) AS fact_time,
        lowest, highest
    FROM unnest($1::text[], $2::uuid[], $3::smallint[], $4::smallint[], $5::text[], $6::timestamptz[],
                $7::uuid[], $8::uuid[])
        AS stated (tenant_id, notification_id, channel, type, source, fact_time, lowest, highest)
    GROUP BY notification_id, channel, type, source, lowest, highest
),
news AS MATERIALIZED (
    SELECT DISTINCT notification_id, channel, type, lowest, highest FROM given
    WHERE NOT EXISTS (SELECT FROM tracking.facts AS known
                      WHERE (known.notification_id, known.channel, known.type)
                          = (given.notification_id, given.channel, given.type)
                      -- Looked up for each: see below.
                      OFFSET 0)
),
written AS (
    INSERT INTO tracking.facts (tenant_id, notification_id, channel, type, source, fact_time)
    SELECT tenant_id, notification_id, channel, type, source, fact_time FROM given
    ON CONFLICT (notification_id, channel, type, source) DO UPDATE SET fact_time = excluded.fact_time
    WHERE excluded.fact_time < facts.fact_time
)
INSERT INTO tracking.counts AS c (tenant_id, hour, category, channel, template_name, state, fact_type, count)
SELECT d.tenant_id, date_trunc('hour', d.accept_time, 'UTC'), d.category, d.channel, d.template_name, 0, news.type,
    count(*)
FROM news
CROSS JOIN LATERAL (
    SELECT tenant_id, accept_time, category, channel, template_name FROM tracking.deliveries
    WHERE delivery_id BETWEEN lowest AND highest
        AND (notification_id, channel) = (news.notification_id, news.channel)
    -- Looked up for each fact: joined freely, all deliveries there are may be read for some facts.
    OFFSET 0
) AS d
GROUP BY 1, 2, 3, 4, 5, 7
ON CONFLICT (tenant_id, hour, category, channel, template_name, state, fact_type)
    DO UPDATE SET count = c.count + excluded.count

-- list_deliveries --
-- At most $10 rows are looked at; the last of them is returned even if it does not match, so that the next
-- page goes on behind it. Compared as a row, only the index that begins with the tenant has them in order: by
-- the primary key a small tenant's list would walk through everybody's deliveries.
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
        WHERE (tenant_id, recipient_id, delivery_id) >= ($1, $2, $3)
            AND (tenant_id, recipient_id, delivery_id) < ($1, $2, $4)
        ORDER BY tenant_id DESC, recipient_id DESC, delivery_id DESC
        LIMIT $10
    ) AS scanned
) AS judged
WHERE matches OR place = $10
ORDER BY delivery_id DESC
LIMIT $11

-- count_deliveries --
-- Places are numbered, so that one more than wanted ($8) says that there are more. Compared as a row for the
-- same reason as above.
SELECT start_time, category, channel, template_name, state, fact_type, count, place
FROM (
    SELECT date_trunc($4, hour, 'UTC') AS start_time, category, channel, template_name, state, fact_type,
        sum(count)::bigint AS count,
        dense_rank() OVER (ORDER BY date_trunc($4, hour, 'UTC'), category, channel, template_name) AS place
    FROM tracking.counts
    WHERE (tenant_id, hour) >= ($1, $2) AND (tenant_id, hour) < ($1, $3) AND count > 0
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
