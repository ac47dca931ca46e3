"""`tidings serve`: serves all services in this process, or some."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from cli.command import reporting
from cli.errors import CommandError
from cli.hosting import log_to_stderr, run_loop
from cli.logged_output import hosting_output
from libs.config import SettingError
from libs.embedded.errors import EmbeddedError

app = typer.Typer(add_completion=False)

DataDirectoryOption = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        envvar="TIDINGS_DATA_DIR",
        metavar="DIR",
        help="Where the embedded parts keep data.",
    ),
]
ListenOption = Annotated[
    str,
    typer.Option(
        envvar="TIDINGS_LISTEN",
        metavar="HOST:PORT",
        help="Address for clients; port 0 for a free one.",
    ),
]


@app.command()
def serve(
    services: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SERVICE]...", show_default="all", help="Services to serve."),
    ] = None,
    data_directory: DataDirectoryOption = Path(".tidings"),
    listen: ListenOption = "127.0.0.1:50051",
    internal_listen: Annotated[
        str,
        typer.Option(
            envvar="TIDINGS_INTERNAL_LISTEN",
            metavar="HOST:PORT",
            help="Address for the other services.",
        ),
    ] = "127.0.0.1:0",
) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Settings come from the environment (TIDINGS_…); what it does not name is embedded.
    """
    from cli.serve import AddressTaken, ServeOptions, serve_until_signal

    options = ServeOptions(
        services=tuple(services or ()),
        data_directory=data_directory,
        listen=listen,
        internal_listen=internal_listen,
    )

    async def work() -> int:
        try:
            await serve_until_signal(options)
        except (AddressTaken, SettingError, EmbeddedError) as error:
            raise CommandError(str(error)) from None
        return 0

    with reporting(hosting_output()):
        log_to_stderr(logging.INFO)
        run_loop(work())
