"""The `tidings` program: what commands there are. Each is imported only when it is run."""

from __future__ import annotations

import importlib
import os
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from cli.log_format import logs_are_json

#: Each lies in `cli.commands` under its own name, with underscores.
COMMANDS = {
    "run": "Run everything here, with demo data, and show a notification arrive.",
    "demo": "Show a notification arrive in a cluster of its own, and take it down again.",
    "serve": "Serve all services, or some.",
    "migrate": "Bring the schemas of all services up to date, and end.",
    "health": "Say whether a server is serving.",
    "send": "Notify a recipient.",
    "send-file": "Notify many: a request per line of a file.",
    "cancel": "Stop what of a notification has not left yet.",
    "get": "Show a notification and what became of it.",
    "list": "List notifications.",
    "deliveries": "List and count deliveries, as tracking knows them.",
    "watch": "Show a recipient's inbox as it changes.",
    "inbox": "List and mark a recipient's inbox.",
    "recipients": "Who is notified.",
    "categories": "What notifications are about.",
    "preferences": "What recipients want.",
    "templates": "What notifications say.",
    "webhooks": "The secrets that sign webhooks.",
    "dead-letters": "What could not be worked on.",
    "keys": "API keys of services.",
    "tokens": "Short-lived credentials of recipients' apps.",
    "tenants": "Tenants, for the cluster's operator.",
    "tracking": "What tracking knows, made anew, for the cluster's operator.",
}

_SLOW = frozenset({"run", "demo"})


class LazyCommands(TyperGroup):
    """Lists the commands by the table above and imports the one that is run."""

    # Any: Typer keeps the types of contexts and commands to itself.
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # What help and completion need to know of each, and what a mistyped name is compared with.
        self.commands = {name: TyperCommand(name, help=text) for name, text in COMMANDS.items()}

    def list_commands(self, ctx: Any) -> list[str]:
        """Names the commands, in the order of the table."""
        return list(COMMANDS)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Gives the command to run."""
        name, known, rest = super().resolve_command(ctx, args)
        if name is None or known is None:
            return name, known, rest
        if name in _SLOW and not {"-h", "--help"} & set(rest) and not logs_are_json():
            # At once: what they import takes seconds when it is imported first.
            typer.echo("starting …", err=True)
        module = importlib.import_module(f"cli.commands.{name.replace('-', '_')}")
        loaded = typer.main.get_command(module.app)
        loaded.name = name
        return name, loaded, rest


_EXIT_CODES = (
    "Exit codes: 0 it worked, 1 the server said no or nothing came in time, 2 misuse, 3 no server,"
    " 130 Ctrl-C, 141 nobody read on."
)

app = typer.Typer(
    cls=LazyCommands,
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def root() -> None:
    """Tidings sends notifications: run it, send, and see what became of them."""


def main() -> None:
    """Runs the command line; the entry point of the installed script."""
    # Read when grpc is first imported: what fails is told in sentences, not in lines of its core.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    app(prog_name="tidings")
