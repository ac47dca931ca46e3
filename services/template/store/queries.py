"""The statements of template."""

from __future__ import annotations

from libs.postgres.queries import load_queries

QUERIES = load_queries("services.template")
