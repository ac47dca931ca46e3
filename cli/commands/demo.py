"""`tidings demo`: a cluster of its own, one notification that arrives, and everything gone again."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from cli.command import reporting
from cli.errors import CommandError
from cli.hosting import Interrupts, hosting, log_to_stderr, run_loop
from cli.output import Output

app = typer.Typer(add_completion=False)

_INTERRUPTED = 130


@app.command()
def demo(
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=1.0, help="Give up after that long.")
    ] = 60.0,
) -> None:
    """Show a notification arrive in a cluster of its own, and take it down again.

    Uses free ports and a directory that is removed afterwards. The exit code is 0 only when
    the mail and the inbox item were both seen.
    """
    log_to_stderr(logging.WARNING)
    output = Output()
    with reporting(output):
        code = run_loop(_demo(output, timeout))
    raise typer.Exit(code)


async def _demo(output: Output, timeout: float) -> int:  # noqa: ASYNC109 - for the whole show
    began = time.monotonic()
    output.note("starting a cluster of its own")
    with Interrupts(), tempfile.TemporaryDirectory(prefix="tidings-") as directory:
        try:
            async with asyncio.timeout(timeout):
                await _show(output, Path(directory), timeout)
        except TimeoutError:
            raise CommandError(f"the demo did not finish within {timeout:g} s") from None
        except asyncio.CancelledError:
            return _INTERRUPTED
    output.note(f"both arrived; {time.monotonic() - began:.1f} s from nothing to gone again")
    return 0


async def _show(output: Output, directory: Path, within: float) -> None:
    from cli.demo.bootstrap import ensure_settings
    from cli.demo.show import show
    from cli.serve import ServeOptions

    options = ServeOptions(data_directory=directory, listen="127.0.0.1:0")
    began = time.monotonic()
    async with hosting(options) as cluster:
        settings = await ensure_settings(cluster, directory / "cli.toml", output)
        remaining = within - (time.monotonic() - began)
        # A little earlier than the whole demo gives up, so that it can say what is missing.
        await show(output, settings, cluster.mail_directory, within=max(1.0, remaining - 5))
