"""What a question costs does not grow with other tenants' rows, nor with those it does not ask for."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.clock import lowest_id
from libs.postgres.pool import open_pool
from libs.postgres.queries import load_queries
from libs.postgres.transaction import Connection
from services.tracking.store import reports
from tests.integration.hosting import Hosted

SQL = load_queries("services.tracking")
NOW = datetime.now(UTC)
HIGHEST = UUID(int=(1 << 128) - 1)
# One tenant has nearly all there is.
FILL = """
INSERT INTO tracking.deliveries
SELECT id, CASE WHEN g % 1000 = 0 THEN 'small' ELSE 'big' END, id, 1, 'alice', 'news', 2, 'letter', 1, 5, '', 1,
    at, at, 1
FROM (
    SELECT g, at, (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '8000800000000000'
                   || lpad(to_hex(g), 4, '0'))::uuid AS id
    FROM (SELECT g, now() - g * interval '1 minute' AS at FROM generate_series(1, 40000) AS g) AS moments
) AS rows
"""
FILL_COUNTS = """
INSERT INTO tracking.counts
SELECT CASE WHEN g % 1000 = 0 THEN 'small' ELSE 'big' END, date_trunc('hour', now()) - g * interval '1 hour',
    'c' || c, 2, 'letter', 5, 0, 1
FROM generate_series(1, 2000) AS g, generate_series(1, 20) AS c
"""


@pytest.fixture(scope="module")
async def filled(database_url: str, tracking: Hosted) -> AsyncIterator[Connection]:
    """A connection with the settings of the service, to tables that are filled and analyzed."""
    async with open_pool(database_url, application="test") as pool, pool.acquire() as connection:
        await connection.execute(FILL)
        await connection.execute(FILL_COUNTS)
        await connection.execute("ANALYZE")
        yield connection


LISTED: tuple[object, ...] = (UUID(int=0), HIGHEST, "rare", 0, [], None, None, 2000, 51)
COUNTED = (NOW - timedelta(days=400), NOW, "day")
IDS = [uuid4() for _ in range(200)]
DELIVERIES = (
    IDS, ["small"] * 200, IDS, [1] * 200, ["alice"] * 200, ["news"] * 200, [2] * 200, ["letter"] * 200,
    [1] * 200, [5] * 200, ["smtp"] * 200, [1] * 200, [NOW] * 200, [NOW] * 200, [1] * 200,
)  # fmt: skip
FACTS = (
    ["small"] * 200, IDS, [2] * 200, [1] * 200, ["inbox"] * 200, [NOW] * 200, IDS, IDS,
)  # fmt: skip


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
@pytest.mark.parametrize("tenant", ["small", "big"])
@pytest.mark.parametrize(
    ("statement", "arguments", "index"),
    [
        (reports._LIST, ("", *LISTED), "deliveries_of_tenant"),
        (reports._LIST_OF_RECIPIENT, ("alice", *LISTED), "deliveries_of_recipient"),
        (SQL["count_deliveries"], (*COUNTED, "", 0, "", 10_001), "counts_pkey"),
        (SQL["count_deliveries"], (*COUNTED, "c7", 0, "", 10_001), "counts_pkey"),
        (SQL["read_facts"], (IDS,), "facts_pkey"),
    ],
)
async def test_a_tenant_walks_through_its_own_rows_only(
    filled: Connection,
    mode: str,
    tenant: str,
    statement: str,
    arguments: tuple[object, ...],
    index: str,
) -> None:
    assert await indexes(filled, mode, statement, tenant, *arguments) == {index}


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
@pytest.mark.parametrize(
    ("statement", "arguments", "index"),
    [
        ("delete_old_deliveries", (UUID(int=0), lowest_id(NOW), 5000), {"deliveries_pkey"}),
        ("delete_old_facts", (UUID(int=0), lowest_id(NOW), 5000, NOW), {"facts_pkey"}),
        ("delete_old_counts", (NOW - timedelta(days=401), 5000), {"counts_hour"}),
        ("record_facts", FACTS, {"deliveries_pkey", "facts_pkey"}),
        ("record_deliveries", DELIVERIES, {"deliveries_pkey", "facts_pkey"}),
    ],
)
async def test_rows_are_found_by_their_ids(
    filled: Connection,
    mode: str,
    statement: str,
    arguments: tuple[object, ...],
    index: set[str],
) -> None:
    assert await indexes(filled, mode, SQL[statement], *arguments) == index


async def indexes(
    connection: Connection, mode: str, statement: str, *arguments: object
) -> set[str]:
    """Returns the indexes that a statement enters with a condition on their first column; fails when it reads
    a table or an index from end to end."""
    values = ", ".join(map(_literal, arguments))
    await connection.execute(f"PREPARE asked AS {statement}")
    try:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL plan_cache_mode = {mode}")
            explained = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE asked ({values})")
    finally:
        await connection.execute("DEALLOCATE asked")
    return set(_indexes(json.loads(explained)[0]["Plan"]))


def _indexes(node: dict[str, Any]) -> Iterator[str]:
    if node.get("Relation Name") != "floor":
        assert node["Node Type"] != "Seq Scan"
        if "Index Name" in node:
            assert "Index Cond" in node, node
            yield node["Index Name"]
    for below in node.get("Plans", ()):
        yield from _indexes(below)


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    text = "{" + ",".join(map(str, value)) + "}" if isinstance(value, list) else str(value)
    return f"'{text}'"
