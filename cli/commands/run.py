"""`tidings run`: everything in this terminal, with data to play with."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cli.command import reporting
from cli.commands.serve import DataDirectoryOption, ListenOption
from cli.errors import REFUSED, CommandError
from cli.hosting import Interrupts, hosting, log_to_stderr, run_loop
from cli.logged_output import hosting_output
from cli.output import Output

if TYPE_CHECKING:
    from cli.serve import Cluster

app = typer.Typer(add_completion=False)

_ARRIVAL_SECONDS = 30.0
_INTERRUPTED = 130
#: Who tries it out wants to see each trace.
_TRACED = {"TIDINGS_TRACE_SAMPLE_RATIO": "1"}
#: On a laptop a webhook's receiver listens on http://localhost:3000.
_EGRESS_TO_THIS_MACHINE = {
    "TIDINGS_EGRESS_ALLOW_HTTP": "true",
    "TIDINGS_EGRESS_NETWORKS": "127.0.0.0/8,::1/128",
    "TIDINGS_EGRESS_PORTS": "*",
}


@app.command()
def run(
    data_directory: DataDirectoryOption = Path(".tidings"),
    listen: ListenOption = "127.0.0.1:50051",
) -> None:
    """Run everything here, with demo data, and show a notification arrive.

    Stays up until Ctrl-C. The data stays too; the next run goes on with it. The exit code is 0
    only when the notification was seen to arrive. With TIDINGS_LOG_FORMAT=json all that is told are log
    lines on stderr.
    """
    output = hosting_output()
    with reporting(output):
        log_to_stderr(logging.WARNING)
        code = run_loop(_run(output, data_directory, listen))
    raise typer.Exit(code)


async def _run(output: Output, data_directory: Path, listen: str) -> int:
    from cli.demo.bootstrap import ensure_settings
    from cli.demo.show import show
    from cli.demo.story import tell_next
    from cli.serve import ServeOptions

    began = time.monotonic()
    output.event(
        "data_kept",
        lambda: output.note(f"data in {data_directory}"),
        data_directory=str(data_directory.absolute()),
    )
    options = ServeOptions(
        data_directory=data_directory, listen=listen, environ=_environ(listen, os.environ)
    )
    code = 0
    with Interrupts() as interrupts:
        try:
            async with hosting(options) as cluster:
                file = data_directory / "cli.toml"
                settings = await ensure_settings(cluster, file, output)
                _tell_started(output, cluster, time.monotonic() - began)
                try:
                    notification_id = await show(
                        output,
                        settings,
                        cluster.mail_directory,
                        within=_ARRIVAL_SECONDS,
                        kept=True,
                    )
                except CommandError as error:
                    # Up it is all the same, and being up helps to find out.
                    output.error(error)
                    notification_id, code = None, REFUSED
                if not output.is_json:
                    tell_next(output, cluster.public_address, file, notification_id)
                await interrupts.hold()
                output.end_line()
                output.event("stopping", lambda: output.note("stopping"))
        except asyncio.CancelledError:
            output.end_line()
            return _INTERRUPTED
    return code


def _tell_started(output: Output, cluster: Cluster, seconds: float) -> None:
    output.event(
        "started",
        lambda: output.note(f"started in {seconds:.1f} s"),
        seconds=round(seconds, 3),
        address=cluster.public_address,
    )


def _environ(listen: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Traces everything, and lets webhooks reach this machine, as long as nobody but this machine can
    ask for them."""
    lonely = listen.startswith(("127.", "localhost:", "[::1]:"))
    return {**_TRACED, **(_EGRESS_TO_THIS_MACHINE if lonely else {}), **environ}
