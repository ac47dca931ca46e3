"""Named queries: `sql/*.sql` of a service, read once at import.

Each query begins with a line `-- name --`; comment lines below it give its reason.
"""

from __future__ import annotations

import re
from importlib.resources import files

_NAME = re.compile(r"^-- ([a-z][a-z0-9_]*) --$", re.MULTILINE)


def load_queries(package: str) -> dict[str, str]:
    """Returns the statements of `<package>/sql/*.sql` by name."""
    queries: dict[str, str] = {}
    for entry in (files(package) / "sql").iterdir():
        if entry.name.endswith(".sql"):
            parts = _NAME.split(entry.read_text(encoding="utf-8"))[1:]
            for name, body in zip(parts[::2], parts[1::2], strict=True):
                if name in queries:
                    raise ValueError(f"{package}: two queries have the name {name}")
                queries[name] = body.strip()
    return queries
