"""The demo ends, and says why it failed, whatever its cluster does in the end."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from cli.commands import demo
from cli.errors import CommandError
from cli.output import Output


@asynccontextmanager
async def endless() -> AsyncIterator[None]:
    """A cluster that does not come down by itself."""
    try:
        yield
    finally:
        await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (CommandError("refused"), "refused"),
        (None, "the demo did not finish within 0.2 s"),
    ],
)
async def test_a_cluster_that_does_not_end_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, failure: CommandError | None, sentence: str
) -> None:
    async def show(stack: AsyncExitStack, *rest: object) -> None:
        await stack.enter_async_context(endless())
        if failure is not None:
            raise failure
        await asyncio.Event().wait()

    monkeypatch.setattr(demo, "_show_arrivals", show)
    monkeypatch.setattr(demo, "_ENDING_SECONDS", 0.2)
    with pytest.raises(CommandError) as caught:
        async with asyncio.timeout(5):
            await demo._show(Output(), tmp_path, 0.2)
    assert caught.value.sentence == sentence


def test_a_process_that_does_not_end_is_ended(tmp_path: Path) -> None:
    directory = tmp_path / "demo"
    directory.mkdir()
    program = (
        "import sys, time\n"
        "from cli.commands.demo import _last_resort\n"
        "from cli.output import Output\n"
        "with _last_resort(Output(), 0.2, sys.argv[1]):\n"
        "    time.sleep(60)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(directory)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (
        1,
        "error: the demo did not end within 0.2 s\n",
    )
    assert not directory.exists()
