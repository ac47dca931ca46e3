-- upsert_recipients --
-- Each id at most once. A repeat that changes nothing moves neither etag nor update_time. An endpoint that is
-- gone stays so while its URL stays, unless the caller names it anew ($3).
INSERT INTO preference.recipients AS stored
    (tenant_id, recipient_id, emails, phone_numbers, locale, time_zone, webhook_url, contact_keys,
    webhook_set_time, etag, create_time, update_time)
SELECT $1, recipient_id, emails, phone_numbers, locale, time_zone, webhook_url, contact_keys,
    now(), gen_random_uuid(), now(), now()
FROM jsonb_to_recordset($2::jsonb) AS given
    (recipient_id text, emails text[], phone_numbers text[], locale text, time_zone text,
    webhook_url text, contact_keys uuid[])
ORDER BY recipient_id COLLATE "C"
ON CONFLICT (tenant_id, recipient_id) DO UPDATE SET
    (emails, phone_numbers, locale, time_zone, webhook_url, contact_keys) =
        (excluded.emails, excluded.phone_numbers, excluded.locale, excluded.time_zone,
        excluded.webhook_url, excluded.contact_keys),
    (webhook_set_time, webhook_gone_time) = (
        SELECT CASE WHEN kept THEN stored.webhook_set_time ELSE excluded.webhook_set_time END,
            CASE WHEN kept THEN stored.webhook_gone_time END
        FROM (SELECT stored.webhook_url = excluded.webhook_url AND NOT $3::boolean AS kept) AS compared
    ),
    (etag, update_time) = (
        SELECT CASE WHEN same THEN stored.etag ELSE excluded.etag END,
            CASE WHEN same THEN stored.update_time ELSE excluded.update_time END
        FROM (SELECT
            (stored.emails, stored.phone_numbers, stored.locale, stored.time_zone, stored.webhook_url)
            = (excluded.emails, excluded.phone_numbers, excluded.locale, excluded.time_zone,
            excluded.webhook_url)
            AND NOT ($3::boolean AND stored.webhook_gone_time IS NOT NULL) AS same
        ) AS compared
    )
RETURNING recipient_id, emails, phone_numbers, locale, time_zone, webhook_url, webhook_gone_time,
    etag, create_time, update_time

-- mark_gone_webhooks --
-- Only what is still called by that URL and was not named again since the call. Looked at again under the lock.
WITH gone AS (
    SELECT r.tenant_id, r.recipient_id, given.call_time
    FROM preference.recipients AS r
    JOIN unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[])
        AS given (tenant_id, recipient_id, webhook_url, call_time) USING (tenant_id, recipient_id, webhook_url)
    WHERE r.webhook_gone_time IS NULL AND r.webhook_set_time <= given.call_time
    ORDER BY r.tenant_id, r.recipient_id
    FOR NO KEY UPDATE OF r
)
UPDATE preference.recipients AS r
SET webhook_gone_time = gone.call_time, etag = gen_random_uuid(), update_time = now()
FROM gone
WHERE r.tenant_id = gone.tenant_id AND r.recipient_id = gone.recipient_id

-- lock_recipients --
-- In key order, so that writers of the same recipients wait for one another instead of deadlocking.
SELECT recipient_id, emails, phone_numbers, locale, time_zone, webhook_url, webhook_gone_time,
    etag, create_time, update_time
FROM preference.recipients
WHERE tenant_id = $1 AND recipient_id = ANY($2::text[])
ORDER BY recipient_id
FOR NO KEY UPDATE

-- delete_recipient --
-- Takes the preferences along.
DELETE FROM preference.recipients WHERE tenant_id = $1 AND recipient_id = $2

-- get_recipient --
SELECT recipient_id, emails, phone_numbers, locale, time_zone, webhook_url, webhook_gone_time,
    etag, create_time, update_time
FROM preference.recipients
WHERE tenant_id = $1 AND recipient_id = $2

-- list_recipients --
-- Keyset: strictly after the last id of the page before. Ids have no character as high as the last of ASCII.
SELECT recipient_id, emails, phone_numbers, locale, time_zone, webhook_url, webhook_gone_time,
    etag, create_time, update_time
FROM preference.recipients
WHERE tenant_id = $1 AND recipient_id > $2
    AND recipient_id >= $3::text AND recipient_id < $3::text || chr(127)
ORDER BY recipient_id
LIMIT $4

-- find_recipients --
-- Like list_recipients; few have one address, so they are all fetched by it and then put in order.
WITH found AS MATERIALIZED (
    SELECT recipient_id, emails, phone_numbers, locale, time_zone, webhook_url, webhook_gone_time,
        etag, create_time, update_time
    FROM preference.recipients
    WHERE tenant_id = $1 AND contact_keys @> $5::uuid[]
)
SELECT recipient_id, emails, phone_numbers, locale, time_zone, webhook_url, webhook_gone_time,
    etag, create_time, update_time
FROM found
WHERE recipient_id > $2 AND recipient_id >= $3::text AND recipient_id < $3::text || chr(127)
ORDER BY recipient_id
LIMIT $4

-- upsert_category --
-- A repeat that changes nothing moves neither etag nor update_time.
INSERT INTO preference.categories AS stored
    (tenant_id, name, class, channels, priority, ttl, guarantee, etag, create_time, update_time)
VALUES ($1, $2, $3, $4, $5, $6, $7, gen_random_uuid(), now(), now())
ON CONFLICT (tenant_id, name) DO UPDATE SET
    (class, channels, priority, ttl, guarantee) =
        (excluded.class, excluded.channels, excluded.priority, excluded.ttl, excluded.guarantee),
    (etag, update_time) = (
        SELECT CASE WHEN same THEN stored.etag ELSE excluded.etag END,
            CASE WHEN same THEN stored.update_time ELSE excluded.update_time END
        FROM (SELECT
            (stored.class, stored.channels, stored.priority, stored.ttl, stored.guarantee)
            = (excluded.class, excluded.channels, excluded.priority, excluded.ttl, excluded.guarantee)
            AS same
        ) AS compared
    )
RETURNING name, class, channels, priority, ttl, guarantee, etag, create_time, update_time

-- lock_category --
SELECT name, class, channels, priority, ttl, guarantee, etag, create_time, update_time
FROM preference.categories
WHERE tenant_id = $1 AND name = $2
FOR NO KEY UPDATE

-- delete_category --
DELETE FROM preference.categories WHERE tenant_id = $1 AND name = $2

-- get_category --
SELECT name, class, channels, priority, ttl, guarantee, etag, create_time, update_time
FROM preference.categories
WHERE tenant_id = $1 AND name = $2

-- list_categories --
-- Keyset: strictly after the last name of the page before. Names have no character as high as the last of ASCII.
SELECT name, class, channels, priority, ttl, guarantee, etag, create_time, update_time
FROM preference.categories
WHERE tenant_id = $1 AND name > $2 AND name >= $3::text AND name < $3::text || chr(127)
    AND ($4::text IS NULL OR class = $4)
ORDER BY name
LIMIT $5

-- lock_recipient --
-- Serialises the changes of one recipient's preferences, and proves that there is one.
SELECT true FROM preference.recipients WHERE tenant_id = $1 AND recipient_id = $2 FOR NO KEY UPDATE

-- recipient_exists --
SELECT true FROM preference.recipients WHERE tenant_id = $1 AND recipient_id = $2

-- hold_categories --
-- Until the preferences about them are committed, nobody deletes these.
SELECT name FROM preference.categories
WHERE tenant_id = $1 AND name = ANY($2::text[])
ORDER BY name
FOR KEY SHARE

-- clear_preferences --
DELETE FROM preference.preferences AS stored
USING unnest($3::text[], $4::text[]) AS cleared (category, channel)
WHERE stored.tenant_id = $1 AND stored.recipient_id = $2
    AND stored.category = cleared.category AND stored.channel = cleared.channel

-- clear_all_preferences --
DELETE FROM preference.preferences WHERE tenant_id = $1 AND recipient_id = $2

-- clear_preferences_about --
DELETE FROM preference.preferences WHERE tenant_id = $1 AND category = $2

-- set_preferences --
INSERT INTO preference.preferences (tenant_id, recipient_id, category, channel, choice)
SELECT $1, $2, wanted.category, wanted.channel, wanted.choice
FROM unnest($3::text[], $4::text[], $5::text[]) AS wanted (category, channel, choice)
ON CONFLICT (tenant_id, recipient_id, category, channel) DO UPDATE SET choice = excluded.choice

-- get_preferences --
SELECT category, channel, choice
FROM preference.preferences
WHERE tenant_id = $1 AND recipient_id = $2
ORDER BY category, channel

-- list_preferences --
-- Keyset: strictly after the last one of the page before.
SELECT recipient_id, category, channel, choice
FROM preference.preferences
WHERE tenant_id = $1 AND (recipient_id, category, channel) > ($2, $3, $4)
    AND ($5::text IS NULL OR channel = $5) AND ($6::text IS NULL OR choice = $6)
ORDER BY recipient_id, category, channel
LIMIT $7

-- list_preferences_about --
-- Like list_preferences, of one category.
SELECT recipient_id, category, channel, choice
FROM preference.preferences
WHERE tenant_id = $1 AND category = $8 AND (recipient_id, category, channel) > ($2, $3, $4)
    AND ($5::text IS NULL OR channel = $5) AND ($6::text IS NULL OR choice = $6)
ORDER BY recipient_id, channel
LIMIT $7

-- recipients_of --
-- All recipients of a planning batch at once; keys may span tenants.
SELECT tenant_id, recipient_id, emails, phone_numbers, locale, time_zone, webhook_url, webhook_gone_time
FROM preference.recipients
JOIN unnest($1::text[], $2::text[]) AS wanted (tenant_id, recipient_id)
    USING (tenant_id, recipient_id)

-- existing_recipients --
SELECT tenant_id, recipient_id
FROM preference.recipients
JOIN unnest($1::text[], $2::text[]) AS wanted (tenant_id, recipient_id)
    USING (tenant_id, recipient_id)

-- categories_of --
-- All categories of a planning batch at once; keys may span tenants.
SELECT tenant_id, name, class, channels, priority, ttl, guarantee
FROM preference.categories
JOIN unnest($1::text[], $2::text[]) AS wanted (tenant_id, name) USING (tenant_id, name)

-- preferences_of --
-- All preferences of a planning batch at once; keys may span tenants.
SELECT tenant_id, recipient_id, category, channel, choice
FROM preference.preferences
JOIN unnest($1::text[], $2::text[]) AS wanted (tenant_id, recipient_id)
    USING (tenant_id, recipient_id)
