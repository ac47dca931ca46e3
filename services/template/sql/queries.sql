-- insert_template --
-- Takes the place of a deleted one, whose etags stay old. No row: there is one that is not deleted.
INSERT INTO template.templates AS stored
    (tenant_id, name, content, latest_version, revision, create_time, update_time)
VALUES ($1, $2, $3, 0, 1, $4, $4)
ON CONFLICT (tenant_id, name) DO UPDATE
SET content = excluded.content, revision = stored.revision + 1, create_time = excluded.create_time,
    update_time = excluded.update_time, delete_time = NULL
WHERE stored.delete_time IS NOT NULL
RETURNING name, content, latest_version, ended_version, revision, create_time, update_time

-- replace_draft --
UPDATE template.templates
SET content = $3, revision = revision + 1, update_time = $4
WHERE tenant_id = $1 AND name = $2
RETURNING name, content, latest_version, ended_version, revision, create_time, update_time

-- delete_template --
-- The row stays, as what its versions belong to.
UPDATE template.templates
SET delete_time = $3, revision = revision + 1, content = '', latest_version = 0,
    ended_version = greatest(ended_version, latest_version)
WHERE tenant_id = $1 AND name = $2

-- get_template --
SELECT name, content, latest_version, ended_version, revision, create_time, update_time
FROM template.templates
WHERE tenant_id = $1 AND name = $2 AND delete_time IS NULL

-- lock_template --
-- Serialises changes: an etag stays true until the change, and versions count up without a gap.
SELECT name, content, latest_version, ended_version, revision, create_time, update_time
FROM template.templates
WHERE tenant_id = $1 AND name = $2 AND delete_time IS NULL
FOR NO KEY UPDATE

-- list_templates --
-- Keyset: strictly after the last name of the page before. Nothing in a name sorts after a tilde, so
-- the names with a prefix are a range.
SELECT name, latest_version, ended_version, revision, create_time, update_time
FROM template.templates
WHERE tenant_id = $1 AND name > $2 AND name >= $4 AND name < $4 || '~'
    AND delete_time IS NULL AND (latest_version > 0 OR NOT $5)
ORDER BY name
LIMIT $3

-- get_version --
SELECT content
FROM template.versions
WHERE tenant_id = $1 AND name = $2 AND version = $3

-- list_versions --
-- Keyset: newest first, strictly older than the last version of the page before.
SELECT version, content, create_time
FROM template.versions
WHERE tenant_id = $1 AND name = $2 AND version > $3 AND ($4 = 0 OR version < $4)
ORDER BY version DESC
LIMIT $5

-- insert_version --
-- Publishes the draft as it stands, in bytes.
INSERT INTO template.versions (tenant_id, name, version, content, create_time)
SELECT tenant_id, name, $3, content, $4
FROM template.templates
WHERE tenant_id = $1 AND name = $2

-- set_latest_version --
UPDATE template.templates
SET latest_version = $3
WHERE tenant_id = $1 AND name = $2

-- load_versions --
-- All versions of a rendering batch at once; keys may span tenants.
SELECT tenant_id, name, version, content
FROM template.versions
JOIN unnest($1::text[], $2::text[], $3::integer[]) AS wanted (tenant_id, name, version)
    USING (tenant_id, name, version)

-- describe_versions --
-- One row for each wanted version, published or not, in their order; version 0 is the newest.
SELECT stored.name IS NOT NULL AS name_known, published.version, published.content
FROM unnest($1::text[], $2::text[], $3::integer[])
    WITH ORDINALITY AS wanted (tenant_id, name, version, position)
LEFT JOIN template.templates AS stored
    ON stored.tenant_id = wanted.tenant_id AND stored.name = wanted.name AND stored.delete_time IS NULL
LEFT JOIN template.versions AS published
    ON published.tenant_id = stored.tenant_id AND published.name = stored.name
    AND published.version = coalesce(nullif(wanted.version, 0), stored.latest_version)
    AND published.version > stored.ended_version
ORDER BY wanted.position
