"""Writes docs/settings.md from the settings' own declarations; with --check it only compares."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from cli.settings import SERVICE_SETTINGS, ProcessSettings, command_settings, server_settings
from libs.config.settings import Setting, settings_of
from libs.egress.settings import EgressSettings
from libs.failpoints import FAILPOINT
from libs.telemetry.config import TelemetrySettings

PAGE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"
HEAD = """\
# Settings

Made by `make docs` from the declarations in the code; do not edit. All are variables of the environment, read once, at start.
Those marked *(secret)* are also read from the file that the same variable with `_FILE` at its end names. `tidings serve` names
each value that it cannot read, all at once, and warns of a `TIDINGS_…` variable that means nothing.
"""


def page() -> Iterator[str]:
    """Gives the page's lines."""
    yield HEAD
    yield from section("Every process", settings_of(ProcessSettings))
    yield from section("Traces, metrics and logs", settings_of(TelemetrySettings))
    for service, kind in SERVICE_SETTINGS.items():
        yield from section(f"`{service}`", settings_of(kind))
    yield from section("`dispatch` and `preference`, alike", settings_of(EgressSettings))
    yield from section("Tests", [FAILPOINT])
    yield "## Commands\n"
    yield "An option on the command line goes before its variable.\n"
    yield from heads("commands", "default", "what it does")
    told = {setting.variable for setting in server_settings()}
    for variable, (setting, commands) in command_settings().items():
        if variable not in told:
            named = "most" if len(commands) > 4 else ", ".join(f"`{name}`" for name in commands)
            yield row(variable, named, quoted(setting.default), setting.effect)


def section(title: str, settings: Iterable[Setting]) -> Iterator[str]:
    """Gives a heading and a table."""
    yield f"## {title}\n"
    yield from heads("default", "allowed", "what it does")
    for setting in settings:
        effect = f"*(secret)* {setting.effect}" if setting.secret else setting.effect
        yield row(setting.variable, quoted(setting.default), setting.allowed, effect)
    yield ""


def heads(*names: str) -> Iterator[str]:
    """Gives the head of a table of variables."""
    yield f"| variable | {' | '.join(names)} |"
    yield "|---" * (len(names) + 1) + "|"


def row(variable: str, *cells: str) -> str:
    """Returns a row of a table of variables."""
    return f"| `{variable}` | " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def quoted(value: str) -> str:
    """Returns a value as code, nothing for none."""
    return f"`{value}`" if value else ""


if __name__ == "__main__":
    made = "\n".join(page()) + "\n"
    if "--check" not in sys.argv:
        PAGE.write_text(made, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != made:
        sys.exit(
            "docs/settings.md is not what the code says: run 'make docs' and commit the result."
        )
