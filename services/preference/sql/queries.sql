-- upsert_recipient --
-- A repeat that changes nothing does not move update_time.
INSERT INTO preference.recipients AS stored
    (tenant_id, recipient_id, emails, phone_numbers, locale, time_zone, create_time, update_time)
VALUES ($1, $2, $3, $4, $5, $6, now(), now())
ON CONFLICT (tenant_id, recipient_id) DO UPDATE SET
    emails = excluded.emails,
    phone_numbers = excluded.phone_numbers,
    locale = excluded.locale,
    time_zone = excluded.time_zone,
    update_time = CASE
        WHEN (stored.emails, stored.phone_numbers, stored.locale, stored.time_zone)
            = (excluded.emails, excluded.phone_numbers, excluded.locale, excluded.time_zone)
        THEN stored.update_time
        ELSE excluded.update_time
    END
RETURNING recipient_id, emails, phone_numbers, locale, time_zone, create_time, update_time

-- get_recipient --
SELECT recipient_id, emails, phone_numbers, locale, time_zone, create_time, update_time
FROM preference.recipients
WHERE tenant_id = $1 AND recipient_id = $2

-- list_recipients --
-- Keyset: strictly after the last id of the page before.
SELECT recipient_id, emails, phone_numbers, locale, time_zone, create_time, update_time
FROM preference.recipients
WHERE tenant_id = $1 AND recipient_id > $2
ORDER BY recipient_id
LIMIT $3

-- upsert_category --
-- A repeat that changes nothing does not move update_time.
INSERT INTO preference.categories AS stored
    (tenant_id, name, class, channels, priority, ttl, guarantee, create_time, update_time)
VALUES ($1, $2, $3, $4, $5, $6, $7, now(), now())
ON CONFLICT (tenant_id, name) DO UPDATE SET
    class = excluded.class,
    channels = excluded.channels,
    priority = excluded.priority,
    ttl = excluded.ttl,
    guarantee = excluded.guarantee,
    update_time = CASE
        WHEN (stored.class, stored.channels, stored.priority, stored.ttl, stored.guarantee)
            = (excluded.class, excluded.channels, excluded.priority, excluded.ttl, excluded.guarantee)
        THEN stored.update_time
        ELSE excluded.update_time
    END
RETURNING name, class, channels, priority, ttl, guarantee, create_time, update_time

-- get_category --
SELECT name, class, channels, priority, ttl, guarantee, create_time, update_time
FROM preference.categories
WHERE tenant_id = $1 AND name = $2

-- list_categories --
-- Keyset: strictly after the last name of the page before.
SELECT name, class, channels, priority, ttl, guarantee, create_time, update_time
FROM preference.categories
WHERE tenant_id = $1 AND name > $2
ORDER BY name
LIMIT $3

-- lock_recipient --
-- Serialises the changes of one recipient's preferences, and proves that there is one.
SELECT true FROM preference.recipients WHERE tenant_id = $1 AND recipient_id = $2 FOR NO KEY UPDATE

-- recipient_exists --
SELECT true FROM preference.recipients WHERE tenant_id = $1 AND recipient_id = $2

-- unknown_categories --
-- In the order of the request, so that the first one is named.
SELECT wanted.name
FROM unnest($2::text[]) WITH ORDINALITY AS wanted (name, position)
WHERE NOT EXISTS (
    SELECT FROM preference.categories AS category
    WHERE category.tenant_id = $1 AND category.name = wanted.name
)
ORDER BY wanted.position

-- clear_preferences --
DELETE FROM preference.preferences AS stored
USING unnest($3::text[], $4::text[]) AS cleared (category, channel)
WHERE stored.tenant_id = $1 AND stored.recipient_id = $2
    AND stored.category = cleared.category AND stored.channel = cleared.channel

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

-- recipients_of --
-- All recipients of a planning batch at once; keys may span tenants.
SELECT tenant_id, recipient_id, emails, phone_numbers, locale, time_zone
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
