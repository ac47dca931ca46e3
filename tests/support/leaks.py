"""Looks for secrets in every column of a database, in the forms that they may have there."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import asyncpg

_TABLES = """
SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1
"""
_SEXTETS = 4


async def find_leaks(
    connection: asyncpg.Connection[Any], secrets: Mapping[str, bytes]
) -> set[tuple[str, str]]:
    """Returns (name of the secret, table) for each table that has it."""
    found = set()
    for record in await connection.fetch(_TABLES):
        table = record[0]
        # A row as text has every column: bytes in hexadecimal digits, whatever they are nested in.
        rows = await connection.fetch(f"SELECT t::text AS words FROM {table} AS t")  # noqa: S608 - its own
        words = "\n".join(row["words"] for row in rows)
        found |= {
            (name, table)
            for name, secret in secrets.items()
            if any(form in words for form in forms(secret))
        }
    return found


def forms(secret: bytes) -> Iterator[str]:
    """Gives what a text has in it that has the secret: plain, or as hexadecimal digits or base64, in
    either alphabet and wherever in a longer text it begins."""
    if secret.isascii():
        yield secret.decode()
    for one in (secret, *_encoded(secret)):
        yield one.hex()
        yield one.hex().upper()
    for encoded in _encoded(secret):
        yield encoded.decode()


def _encoded(secret: bytes) -> Iterator[bytes]:
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # The letters at both ends depend on what stands around.
            encoded = encode(bytes(before) + secret).rstrip(b"=")
            yield encoded[_SEXTETS if before else 0 : -1]
