"""`tidings demo`: a cluster of its own, one notification that arrives, and everything gone again."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cli.command import reporting
from cli.errors import REFUSED, CommandError
from cli.hosting import Interrupts, hosting, log_to_stderr, run_loop
from cli.logged_output import hosting_output
from cli.output import Output

app = typer.Typer(add_completion=False)

_INTERRUPTED = 130
#: What taking the cluster down may take; after the last ones the process is ended.
_ENDING_SECONDS = 15.0
_LAST_SECONDS = 5.0


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
    output = hosting_output()
    began = time.monotonic()
    with reporting(output):
        log_to_stderr(logging.WARNING)
        with (
            tempfile.TemporaryDirectory(prefix="tidings-") as directory,
            _last_resort(output, timeout + _ENDING_SECONDS + _LAST_SECONDS, directory),
        ):
            code = run_loop(_demo(output, Path(directory), timeout))
        if code == 0:
            spent = time.monotonic() - began
            output.event(
                "ended",
                lambda: output.note(f"both arrived; {spent:.1f} s from nothing to gone again"),
                seconds=round(spent, 3),
            )
    raise typer.Exit(code)


@contextmanager
def _last_resort(output: Output, seconds: float, directory: str) -> Iterator[None]:
    """Ends the process when nothing else does; the embedded parts end with it."""

    def end() -> None:
        output.error(CommandError(f"the demo did not end within {seconds:g} s"))
        shutil.rmtree(directory, ignore_errors=True)
        os._exit(REFUSED)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


async def _demo(output: Output, directory: Path, timeout: float) -> int:  # noqa: ASYNC109 - the option's name
    with Interrupts():
        try:
            await _show(output, directory, timeout)
        except asyncio.CancelledError:
            output.end_line()
            return _INTERRUPTED
    return 0


async def _show(output: Output, directory: Path, within: float) -> None:
    """Raises CommandError; ending the cluster has a time of its own, so that the reason is kept."""
    failure: CommandError | None = None
    try:
        async with asyncio.timeout(within + _ENDING_SECONDS), AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(within):
                    await _show_arrivals(stack, output, directory, within)
            except TimeoutError:
                failure = CommandError(f"the demo did not finish within {within:g} s")
            except CommandError as error:
                failure = error
    except TimeoutError:
        failure = failure or CommandError("the demo's cluster did not end in time")
    if failure is not None:
        raise failure


async def _show_arrivals(
    stack: AsyncExitStack, output: Output, directory: Path, within: float
) -> None:
    from cli.demo.bootstrap import ensure_settings
    from cli.demo.show import show
    from cli.serve import ServeOptions

    options = ServeOptions(data_directory=directory, listen="127.0.0.1:0")
    began = time.monotonic()
    cluster = await stack.enter_async_context(hosting(options))
    settings = await ensure_settings(cluster, directory / "cli.toml", output)
    remaining = within - (time.monotonic() - began)
    # A little earlier than the whole demo gives up, so that it can say what is missing.
    within = max(1.0, remaining - 5)
    await show(output, settings, cluster.mail_directory, within=within, kept=False)
