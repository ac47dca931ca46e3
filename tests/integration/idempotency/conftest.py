"""A table of request ids beside one of things that they are about."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from libs.postgres.pool import Pool, open_pool

_TABLES = """
CREATE SCHEMA IF NOT EXISTS kept;
CREATE TABLE kept.request_ids (
    tenant_id text NOT NULL,
    method text NOT NULL,
    request_digest bytea NOT NULL,
    payload_hash bytea NOT NULL,
    answer bytea NOT NULL,
    create_time timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, method, request_digest)
);
CREATE INDEX request_ids_create_time ON kept.request_ids (create_time);
CREATE TABLE kept.things (thing_id bigint GENERATED ALWAYS AS IDENTITY, name text);
"""


@pytest.fixture(scope="module")
async def tables(database_url: str) -> str:
    """Address of a database with both tables."""
    async with open_pool(database_url, application="test") as pool:
        await pool.execute(_TABLES)
    return database_url


@pytest.fixture
async def pool(tables: str) -> AsyncIterator[Pool]:
    """A pool on empty tables."""
    async with open_pool(tables, application="test") as opened:
        await opened.execute("TRUNCATE kept.request_ids, kept.things")
        yield opened
