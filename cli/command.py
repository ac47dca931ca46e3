"""Turns `async def command(session, …)` into a Typer command with the options that all share."""

from __future__ import annotations

import asyncio
import errno
import inspect
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec

import typer

from cli.errors import CommandError
from cli.output import Output, OutputFormat
from cli.session import Session, open_session, read_settings

Arguments = ParamSpec("Arguments")

_MAY_BE_DONE = "what the command asked for may be done all the same"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
_PANEL = "Connection and output"


def _parse_format(text: str) -> OutputFormat:
    try:
        return OutputFormat(text)
    except ValueError:
        known = ", ".join(OutputFormat)
        raise typer.BadParameter(f"{text!r} is no form of output; choose from {known}") from None


AddressOption = Annotated[
    str | None,
    typer.Option(
        envvar="TIDINGS_ADDRESS",
        metavar="HOST:PORT",
        show_envvar=True,
        rich_help_panel=_PANEL,
        help="The server. Without it cli.toml's, else 127.0.0.1:50051.",
    ),
]
ApiKeyOption = Annotated[
    str | None,
    typer.Option(
        envvar="TIDINGS_API_KEY",
        metavar="KEY",
        show_envvar=True,
        rich_help_panel=_PANEL,
        help="The API key. Without it cli.toml's.",
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        envvar="TIDINGS_CONFIG",
        metavar="FILE",
        show_envvar=True,
        rich_help_panel=_PANEL,
        help="cli.toml to use. Without it .tidings/cli.toml from here upward.",
    ),
]
OutputOption = Annotated[
    OutputFormat,
    typer.Option(
        "--output",
        "-o",
        parser=_parse_format,
        metavar="|".join(OutputFormat),
        rich_help_panel=_PANEL,
        help="json is protobuf JSON with the field names of the contracts.",
    ),
]


def _shared(
    address: AddressOption = None,
    api_key: ApiKeyOption = None,
    config: ConfigOption = None,
    output: OutputOption = OutputFormat.TEXT,
) -> None:
    """Carries the options that every command has; never called."""


_SHARED = inspect.signature(_shared, eval_str=True).parameters


def command(
    app: typer.Typer, name: str
) -> Callable[
    [Callable[Concatenate[Session, Arguments], Awaitable[None]]],
    Callable[Concatenate[Session, Arguments], Awaitable[None]],
]:
    """Registers a command that speaks to the server; its docstring is its help."""

    def register(
        body: Callable[Concatenate[Session, Arguments], Awaitable[None]],
    ) -> Callable[Concatenate[Session, Arguments], Awaitable[None]]:
        app.command(name)(_with_shared_options(body))
        return body

    return register


# Any: the arguments are what Typer made of the command line by the signature built here.
def _with_shared_options(body: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    own = list(inspect.signature(body, eval_str=True).parameters.values())[1:]

    @wraps(body)
    def run(**arguments: Any) -> None:
        shared = {option: arguments.pop(option) for option in _SHARED}
        output = Output(shared["output"])
        with reporting(output):
            settings = read_settings(
                address=shared["address"], api_key=shared["api_key"], file=shared["config"]
            )

            async def converse() -> None:
                async with open_session(settings, output) as session:
                    await body(session, **arguments)

            asyncio.run(converse())

    parameters = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in [*own, *_SHARED.values()]
    ]
    # Typer reads both.
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


@contextmanager
def reporting(output: Output) -> Iterator[None]:
    """Prints a CommandError that comes out and ends with its exit code, and so for an output that is full;
    ends the line of Ctrl-C."""
    try:
        yield
    except CommandError as error:
        output.error(error)
        raise typer.Exit(error.exit_code) from None
    except OSError as error:
        if error.errno not in _FULL:
            raise
        sentence = f"the output cannot be written: {error.strerror}"
        output.error(CommandError(sentence, hint=_MAY_BE_DONE))
        raise typer.Exit(CommandError.exit_code) from None
    except KeyboardInterrupt:
        output.end_line()
        raise
