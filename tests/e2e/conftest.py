"""The whole cluster in this process, once per run, and a tenant per test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cli.serve import Cluster, ServeOptions, open_cluster
from tests.support.api import Api, open_api


@pytest.fixture(scope="session")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    directory: Path = tmp_path_factory.mktemp("cluster") / "data"
    options = ServeOptions(data_directory=directory, listen="127.0.0.1:0", environ={})
    async with open_cluster(options) as served:
        yield served


@pytest.fixture
async def api(cluster: Cluster) -> AsyncIterator[Api]:
    async with open_api(cluster) as client:
        yield client
