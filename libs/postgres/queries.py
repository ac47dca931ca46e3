"""Named queries: `sql/queries.sql` of a service, read once at import.

Each query begins with a line `-- name --`; comment lines below it give its reason.
"""

from __future__ import annotations

import re
from importlib.resources import files

_NAME = re.compile(r"^-- ([a-z][a-z0-9_]*) --$", re.MULTILINE)


def load_queries(package: str) -> dict[str, str]:
    """Returns the statements of `<package>/sql/queries.sql` by name."""
    text = (files(package) / "sql" / "queries.sql").read_text(encoding="utf-8")
    parts = _NAME.split(text)[1:]
    queries = dict(zip(parts[::2], (body.strip() for body in parts[1::2]), strict=True))
    if len(queries) * 2 != len(parts):
        raise ValueError(f"{package}: two queries have one name")
    return queries
