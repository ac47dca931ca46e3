CREATE TABLE preference.recipients (
    tenant_id     text        NOT NULL,
    recipient_id  text        NOT NULL,
    -- The preferred one first.
    emails        text[]      NOT NULL,
    phone_numbers text[]      NOT NULL,
    locale        text        NOT NULL,
    time_zone     text        NOT NULL,
    create_time   timestamptz NOT NULL,
    update_time   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, recipient_id)
);

CREATE TABLE preference.categories (
    tenant_id   text        NOT NULL,
    name        text        NOT NULL,
    class       text        NOT NULL,
    channels    text[]      NOT NULL,
    priority    text        NOT NULL,
    ttl         interval    NOT NULL,
    guarantee   text        NOT NULL,
    create_time timestamptz NOT NULL,
    update_time timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

-- One row per word of a recipient; '' stands for every category or every channel.
CREATE TABLE preference.preferences (
    tenant_id    text NOT NULL,
    recipient_id text NOT NULL,
    category     text NOT NULL,
    channel      text NOT NULL,
    choice       text NOT NULL,
    PRIMARY KEY (tenant_id, recipient_id, category, channel),
    FOREIGN KEY (tenant_id, recipient_id) REFERENCES preference.recipients ON DELETE CASCADE
);
