"""Settings declared once: what reads a setting, explains it and lists it is the same line.

A settings class is a frozen dataclass whose fields are made by `text`, `choice`, `seconds`,
`integer`, `share` or `flag`; `docs/settings.md` is written from what they say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Self

from libs.config import Environ, SettingError

_KEY = "setting"
_FILE = "_FILE"
_ADDRESS = re.compile(r".*[^:]:\d{1,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A variable of the environment."""

    variable: str
    effect: str
    """One or two sentences; lengths of time are in seconds."""
    default: str = ""
    """As one would write it; empty where `effect` tells what unset means."""
    allowed: str
    """What may stand there."""
    secret: bool = False
    """Whether it is also read from the file that `<variable>_FILE` names, and never shown."""
    # Any: the type is the field's.
    read: Callable[[Environ], Any]
    """Raises SettingError."""


class EnvironSettings:
    """Base of the settings classes; subclasses are frozen dataclasses of declared fields."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @classmethod
    def from_environ(cls, environ: Environ) -> Self:
        """Reads every setting; raises one SettingError that names all which cannot be read."""
        values, problems = {}, []
        for declared in fields(cls):
            try:
                values[declared.name] = declared.metadata[_KEY].read(environ)
            except SettingError as error:
                problems.append(str(error))
        refuse(problems)
        return cls(**values)


def settings_of(kind: type[EnvironSettings]) -> Iterator[Setting]:
    """Gives what a class declares, in its order."""
    for declared in fields(kind):
        yield declared.metadata[_KEY]


def refuse(problems: Sequence[str]) -> None:
    """Raises one SettingError for all problems, if there are any."""
    if problems:
        raise SettingError("; ".join(problems))


# They return Any, like dataclasses.field: the field's annotation is the type.
def text(
    variable: str,
    effect: str,
    *,
    default: str | None = None,
    schemes: Sequence[str] = (),
    address: bool = False,
    secret: bool = False,
    least: int = 0,
) -> Any:
    """Declares a text. None as default: it must be set. `schemes`: it begins with one of them.
    `least`: how many characters it has at least."""
    allowed = f"text of at least {least} characters" if least else "text"
    if schemes:
        allowed = " or ".join(f"`{scheme}…`" for scheme in schemes)
    elif address:
        allowed = "host:port"

    def read(environ: Environ) -> str:
        value = environ.text(variable, default)
        if value == default:
            return value
        shown = "" if secret else f", not {value!r}"
        if schemes and not value.startswith(tuple(schemes)):
            raise SettingError(f"{variable} must begin with {' or '.join(schemes)}{shown}")
        if address and not _ADDRESS.fullmatch(value):
            raise SettingError(f"{variable} must be host:port{shown}")
        if len(value) < least:
            raise SettingError(f"{variable} must have at least {least} characters{shown}")
        return value

    setting = Setting(
        variable=variable,
        effect=effect,
        default=default or "",
        allowed=allowed,
        secret=secret,
        read=read,
    )
    return field(repr=not secret, metadata={_KEY: setting})


def seconds(variable: str, effect: str, *, default: float, least: float = 0.001) -> Any:
    """Declares a duration."""
    setting = Setting(
        variable=variable,
        effect=effect,
        default=f"{default:.10g}",
        allowed=f"seconds, at least {least:g}",
        read=lambda environ: environ.seconds(variable, default, least=least),
    )
    return field(metadata={_KEY: setting})


def integer(variable: str, effect: str, *, default: int, least: int = 1) -> Any:
    """Declares a whole number."""
    setting = Setting(
        variable=variable,
        effect=effect,
        default=str(default),
        allowed=f"whole number, at least {least}",
        read=lambda environ: environ.integer(variable, default, least=least),
    )
    return field(metadata={_KEY: setting})


def share(variable: str, effect: str, *, default: float) -> Any:
    """Declares a number from 0 to 1."""
    setting = Setting(
        variable=variable,
        effect=effect,
        default=f"{default:g}",
        allowed="number from 0 to 1",
        read=lambda environ: environ.ratio(variable, default),
    )
    return field(metadata={_KEY: setting})


def choice(variable: str, effect: str, words: Sequence[str], *, default: str) -> Any:
    """Declares one of some words; an empty default is none of them."""

    def read(environ: Environ) -> str:
        value = environ.text(variable, default).lower()
        if value not in (*words, default):
            raise SettingError(f"{variable} must be {' or '.join(words)}, not {value!r}")
        return value

    setting = Setting(
        variable=variable,
        effect=effect,
        default=default,
        allowed=" or ".join(f"`{word}`" for word in words),
        read=read,
    )
    return field(metadata={_KEY: setting})


def flag(variable: str, effect: str, *, default: bool) -> Any:
    """Declares a yes or no."""
    setting = Setting(
        variable=variable,
        effect=effect,
        default="on" if default else "off",
        allowed="`on` or `off`",
        read=lambda environ: environ.flag(variable, default=default),
    )
    return field(metadata={_KEY: setting})


def with_secret_files(environ: Mapping[str, str], known: Sequence[Setting]) -> dict[str, str]:
    """Returns the environment with each `<variable>_FILE` of a secret replaced by what the file says.

    Raises one SettingError for all that cannot be read, or that are given twice.
    """
    values, problems = dict(environ), []
    for setting in known:
        file = values.pop(setting.variable + _FILE, "") if setting.secret else ""
        if not file:
            continue
        if values.get(setting.variable):
            problems.append(f"both {setting.variable} and {setting.variable}{_FILE} are set")
            continue
        try:
            values[setting.variable] = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            problems.append(f"{setting.variable}{_FILE} must be a file, not {file!r}: {why}")
            continue
        if not values[setting.variable]:
            problems.append(f"{setting.variable}{_FILE} names an empty file, {file!r}")
    refuse(problems)
    return values


def variables_of(setting: Setting) -> tuple[str, ...]:
    """Returns the names under which a setting is read."""
    if setting.secret:
        return (setting.variable, setting.variable + _FILE)
    return (setting.variable,)
