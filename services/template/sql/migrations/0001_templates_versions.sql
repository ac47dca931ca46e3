CREATE TABLE template.templates (
    tenant_id      text             NOT NULL,
    -- "C": lists are in the order of the bytes, whatever the database's own order is.
    name           text COLLATE "C" NOT NULL,
    -- The draft: a serialized tidings.template.v1.TemplateContent.
    content        bytea            NOT NULL,
    -- 0 while nothing is published.
    latest_version integer          NOT NULL,
    -- Counts the states of the draft; its text is the etag.
    revision       bigint           NOT NULL,
    create_time    timestamptz      NOT NULL,
    update_time    timestamptz      NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

-- Published versions: inserted, and never changed.
CREATE TABLE template.versions (
    tenant_id   text             NOT NULL,
    name        text COLLATE "C" NOT NULL,
    version     integer          NOT NULL CHECK (version > 0),
    content     bytea            NOT NULL,
    create_time timestamptz      NOT NULL,
    PRIMARY KEY (tenant_id, name, version),
    FOREIGN KEY (tenant_id, name) REFERENCES template.templates
);
