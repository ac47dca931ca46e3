"""All settings there are, and what an environment makes of them."""

from __future__ import annotations

import difflib
import importlib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer

import services.dispatch.config
import services.inbox.config
import services.ingestion.config
import services.tracking.config
from cli.main import COMMANDS
from libs.cluster_secret import LEAST_CHARACTERS
from libs.config import Environ, SettingError
from libs.config.settings import (
    EnvironSettings,
    Setting,
    flag,
    refuse,
    settings_of,
    text,
    variables_of,
    with_secret_files,
)
from libs.egress.settings import EgressSettings
from libs.failpoints import FAILPOINT
from libs.telemetry.config import TelemetrySettings

_log = logging.getLogger(__name__)

_PREFIX = "TIDINGS_"


# Any: see libs.config.settings.
def _address(service: str) -> Any:
    return text(
        f"TIDINGS_{service.upper()}_ADDRESS",
        f"Where the internal listener of {service} is. Unset: in this process.",
        default="",
        address=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSettings(EnvironSettings):
    """What every process of a cluster reads, whichever services it serves."""

    database_url: str = text(
        "TIDINGS_DATABASE_URL",
        "PostgreSQL, 15 or newer. Unset: an embedded one.",
        default="",
        schemes=("postgresql://", "postgres://"),
        secret=True,
    )
    amqp_url: str = text(
        "TIDINGS_AMQP_URL",
        "RabbitMQ, 3.10 to 4.x. Unset: a broker in the process.",
        default="",
        schemes=("amqp://", "amqps://"),
        secret=True,
    )
    redis_url: str = text(
        "TIDINGS_REDIS_URL",
        "Redis or Valkey, 7 or newer. Unset: an embedded one.",
        default="",
        schemes=("redis://", "rediss://", "unix://"),
        secret=True,
    )
    cluster_secret: str = text(
        "TIDINGS_CLUSTER_SECRET",
        "What services prove to one another on the internal listeners, and what secrets in the"
        " database are sealed under; the same for all. Unset: drawn once and kept in the data"
        " directory, which only goes with the embedded database.",
        default="",
        secret=True,
        least=LEAST_CHARACTERS,
    )
    cluster_secret_other: str = text(
        "TIDINGS_CLUSTER_SECRET_OTHER",
        "A cluster secret that is accepted as well, while one replaces the other: the steps are in"
        " docs/deploying.md. Unset: none.",
        default="",
        secret=True,
        least=LEAST_CHARACTERS,
    )
    migrate: bool = flag(
        "TIDINGS_MIGRATE",
        "Whether services bring their schemas up to date when they start. `off`: they refuse to"
        " start before `tidings migrate` has done it.",
        default=True,
    )
    access_address: str = _address("access")
    template_address: str = _address("template")
    preference_address: str = _address("preference")
    inbox_address: str = _address("inbox")
    tracking_address: str = _address("tracking")
    dispatch_address: str = _address("dispatch")
    ingestion_address: str = _address("ingestion")

    def address(self, service: str) -> str:
        """Returns where a service is; empty for this process."""
        address: str = getattr(self, f"{service}_address")
        return address


#: By the name of the service; what is not here has none.
SERVICE_SETTINGS: Mapping[str, type[EnvironSettings]] = {
    "ingestion": services.ingestion.config.Settings,
    "dispatch": services.dispatch.config.Settings,
    "inbox": services.inbox.config.Settings,
    "tracking": services.tracking.config.Settings,
}


def check_environ(environ: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Returns the environment of a process that serves `names`, with secrets read from their files.

    Raises one SettingError for everything in it that cannot be read; warns of what means nothing.
    """
    own: list[type[EnvironSettings]] = [ProcessSettings, TelemetrySettings, EgressSettings]
    own += [kind for name, kind in SERVICE_SETTINGS.items() if name in names]
    values = with_secret_files(environ, list(server_settings()))
    for variable, nearest in unknown_variables(environ).items():
        _log.warning("unknown_setting", extra={"variable": variable, "nearest": nearest})
    problems = []
    for setting in (setting for kind in own for setting in settings_of(kind)):
        if values.get(setting.variable):
            try:
                setting.read(Environ(values))
            except SettingError as error:
                problems.append(str(error))
    refuse(problems)
    return values


def cluster_secret(environ: Mapping[str, str]) -> str:
    """Returns the secret or what its file says, empty for neither; raises SettingError."""
    known = [s for s in settings_of(ProcessSettings) if s.variable == "TIDINGS_CLUSTER_SECRET"]
    return with_secret_files(environ, known).get("TIDINGS_CLUSTER_SECRET", "")


def refuse_fleeting_secret(settings: ProcessSettings) -> None:
    """Raises SettingError when a database that is not in the data directory would be sealed under a
    secret that is."""
    if settings.database_url and not settings.cluster_secret:
        raise SettingError(
            "TIDINGS_DATABASE_URL needs TIDINGS_CLUSTER_SECRET beside it, drawn once, say by"
            " `openssl rand -hex 32`: without the same secret, what is sealed in the database is lost"
        )


def refuse_lonely_part(
    environ: Mapping[str, str], names: Sequence[str], every: Sequence[str]
) -> None:
    """Raises SettingError when a process that serves only `names` lacks what the cluster shares."""
    needed = ["TIDINGS_DATABASE_URL", "TIDINGS_AMQP_URL", "TIDINGS_REDIS_URL"]
    needed.append("TIDINGS_CLUSTER_SECRET")
    if "dispatch" in names:
        # Unset, mails would be kept where nobody looks.
        needed.append("TIDINGS_SMTP_URL")
    needed += [f"TIDINGS_{name.upper()}_ADDRESS" for name in every if name not in names]
    missing = [variable for variable in needed if not environ.get(variable)]
    if missing:
        raise SettingError(
            f"serving only {', '.join(names)} needs what it shares with the other services:"
            f" set {', '.join(missing)}"
        )


def server_settings() -> Iterator[Setting]:
    """Gives what processes read."""
    yield from settings_of(ProcessSettings)
    yield from settings_of(TelemetrySettings)
    for kind in SERVICE_SETTINGS.values():
        yield from settings_of(kind)
    yield from settings_of(EgressSettings)
    yield FAILPOINT


def command_settings() -> dict[str, tuple[Setting, list[str]]]:
    """Gives what the options of commands read, with the commands, by variable."""
    found: dict[str, tuple[Setting, list[str]]] = {}
    for name in COMMANDS:
        module = importlib.import_module(f"cli.commands.{name.replace('-', '_')}")
        for option in _options(typer.main.get_command(module.app)):
            setting = Setting(
                variable=option.envvar,
                effect=option.help,
                default="" if option.default is None else str(option.default),
                allowed=option.metavar,
                read=lambda environ: environ,
            )
            commands = found.setdefault(option.envvar, (setting, []))[1]
            if name not in commands:
                commands.append(name)
    return found


def unknown_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Returns the variables that begin like ours and mean nothing, each with its nearest known one."""
    given = {variable for variable in environ if variable.startswith(_PREFIX)}
    known = {variable for setting in server_settings() for variable in variables_of(setting)}
    if given - known:
        # Only now: it imports every command.
        known |= set(command_settings())
    return {
        variable: next(iter(difflib.get_close_matches(variable, known, 1, 0)), "")
        for variable in sorted(given - known)
    }


# Any: Typer keeps the types of commands and options to itself.
def _options(command: Any) -> Iterator[Any]:
    for inner in getattr(command, "commands", {}).values():
        yield from _options(inner)
    yield from (option for option in command.params if getattr(option, "envvar", None))
