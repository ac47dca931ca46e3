"""Owning a data directory."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from libs.embedded.data_directory import open_data_directory
from libs.embedded.errors import (
    DataDirectoryInUseError,
    DataDirectoryUnusableError,
    PartsStillRunningError,
)


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@contextmanager
def _left_over_part(path: Path) -> Iterator[None]:
    """Hold the parts' lock, as a part does that outlives its server for a moment."""
    lock = os.open(path / "parts.lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(lock)


async def test_it_is_made_private_and_its_parents_are_left_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)

    async with open_data_directory(tmp_path / "deep" / "data") as directory:
        folder = directory.folder("part")

    assert _mode(tmp_path / "deep" / "data") == _mode(folder) == 0o700
    assert _mode(tmp_path) == 0o755


async def test_a_live_server_is_named_at_once(tmp_path: Path) -> None:
    async with open_data_directory(tmp_path / "data"):
        with pytest.raises(DataDirectoryInUseError) as refused:
            async with open_data_directory(tmp_path / "data"):
                pytest.fail("two owners")

    assert str(refused.value) == (
        f"Tidings is already running on {tmp_path / 'data'} (pid {os.getpid()}); "
        "stop it or choose another --data-dir"
    )


async def test_it_can_be_opened_again_after_it_was_left(tmp_path: Path) -> None:
    for _ in range(2):
        async with open_data_directory(tmp_path):
            pass


async def test_parts_being_stopped_are_waited_for(tmp_path: Path) -> None:
    async with open_data_directory(tmp_path):
        pass
    opened = asyncio.Event()

    async def open_it() -> None:
        async with open_data_directory(tmp_path):
            opened.set()

    with _left_over_part(tmp_path):
        opening = asyncio.create_task(open_it())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(opened.wait(), 0.2)
    await asyncio.wait_for(opening, 5)


async def test_parts_that_do_not_stop_are_an_error(tmp_path: Path) -> None:
    async with open_data_directory(tmp_path):
        pass

    with _left_over_part(tmp_path), pytest.raises(PartsStillRunningError, match="still running"):
        async with open_data_directory(tmp_path, parts_stop_within=0.1):
            pytest.fail("opened beside a living part")


async def test_a_directory_with_other_things_is_refused_and_not_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "thesis.txt").touch()

    with pytest.raises(DataDirectoryUnusableError, match="not Tidings'"):
        async with open_data_directory(tmp_path):
            pytest.fail("took a foreign directory")

    assert _mode(tmp_path) == 0o755
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


async def test_a_file_is_no_data_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(DataDirectoryUnusableError, match="not a directory"):
        async with open_data_directory(tmp_path / "file"):
            pytest.fail("opened a file")
