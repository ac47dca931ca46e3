"""The cluster of the end-to-end tests, for clients in other languages."""

from tests.e2e.conftest import api, cluster

__all__ = ["api", "cluster"]
