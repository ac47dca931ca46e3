"""`tidings migrate`: brings the schemas of all services up to date, and ends."""

from __future__ import annotations

import logging
import os

import typer

from cli.command import OutputOption, reporting
from cli.errors import CommandError, Misused
from cli.hosting import log_to_stderr, run_loop
from cli.output import Output, OutputFormat
from libs.config import Environ, SettingError

app = typer.Typer(add_completion=False)


@app.command()
def migrate(output: OutputOption = OutputFormat.TEXT) -> None:
    """Apply the migrations of all services to TIDINGS_DATABASE_URL.

    Services need it before they start when TIDINGS_MIGRATE is off. Repeating it is harmless.
    """
    from cli.migrating import migrate_all
    from cli.serve import SERVICE_NAMES
    from cli.settings import ProcessSettings, check_environ

    log_to_stderr(logging.WARNING)
    out = Output(output)

    async def work() -> int:
        try:
            environ = Environ(check_environ(os.environ, ()))
            url = ProcessSettings.from_environ(environ).database_url
        except SettingError as error:
            raise CommandError(str(error)) from None
        if not url:
            raise Misused(
                "TIDINGS_DATABASE_URL is not set; the embedded database is migrated by its services"
            )
        applied = await migrate_all(SERVICE_NAMES, url)
        out.answer({"applied": applied}, lambda: _show(out, applied))
        return 0

    with reporting(out):
        run_loop(work())


def _show(out: Output, applied: dict[str, list[str]]) -> None:
    for service, names in applied.items():
        for name in names:
            out.line(f"{service}: {name}")
    if not any(applied.values()):
        out.line("nothing to apply")
