"""Open parts and clients to look into them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.embedded.data_directory import open_data_directory
from libs.embedded.parts import Parts, open_parts


@pytest.fixture(scope="module")
async def parts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Parts]:
    """Both parts, for the tests of one module."""
    path: Path = tmp_path_factory.mktemp("data")
    async with open_data_directory(path) as directory, open_parts(directory) as opened:
        yield opened
