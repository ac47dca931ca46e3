CREATE TABLE template.templates (
    tenant_id      text             NOT NULL,
    -- "C": lists are in the order of the bytes, whatever the database's own order is.
    name           text COLLATE "C" NOT NULL,
    -- The draft: a serialized tidings.template.v1.TemplateContent.
    content        bytea            NOT NULL,
    -- 0 while nothing is published.
    latest_version integer          NOT NULL,
    -- Newest version of deleted templates of this name. It and those before are rendered still for what was
    -- accepted with them, but named by no new send; versions go on counting from here.
    ended_version  integer          NOT NULL DEFAULT 0,
    -- Counts the states of the draft; its text is the etag.
    revision       bigint           NOT NULL,
    create_time    timestamptz      NOT NULL,
    update_time    timestamptz      NOT NULL,
    -- Set while the template is deleted; only its versions count then.
    delete_time    timestamptz,
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

-- First answers to request ids; see libs.idempotency.
CREATE TABLE template.request_ids (
    tenant_id      text        NOT NULL,
    method         text        NOT NULL,
    request_digest bytea       NOT NULL,
    payload_hash   bytea       NOT NULL,
    answer         bytea       NOT NULL,
    create_time    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, method, request_digest)
);

CREATE INDEX request_ids_create_time ON template.request_ids (create_time);
