"""`cli.toml`: where the server is and how to get in, found from the current directory upward."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.errors import Misused
from libs.embedded.private_files import write_private

DEFAULT_ADDRESS = "127.0.0.1:50051"
DEFAULT_LOCATION = Path(".tidings") / "cli.toml"

_TEXTS = ("address", "api_key", "device_id", "internal_address", "cluster_secret")


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What the file says; every entry may be absent."""

    address: str | None = None
    api_key: str | None = field(default=None, repr=False)
    device_id: str | None = None
    """Id of this installation for streams."""
    categories: Mapping[str, str] = field(default_factory=dict)
    """Category of a send that names none, by its template."""
    internal_address: str | None = None
    """Listener for calls between services; only `tenants` needs it."""
    cluster_secret: str | None = field(default=None, repr=False)


def find_configuration(start: Path) -> Path | None:
    """Returns the nearest `.tidings/cli.toml` in `start` or above it."""
    for folder in [start, *start.parents]:
        file = folder / DEFAULT_LOCATION
        if file.is_file():
            return file
    return None


def read_configuration(file: Path) -> Configuration:
    """Returns what `file` says; raises Misused when it is missing or makes no sense."""
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Misused(f"there is no {file}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Misused(f"cannot read {file}: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise Misused(f"{file} is not TOML: {error}") from None
    return _check(file, entries)


def write_configuration(file: Path, configuration: Configuration) -> None:
    """Writes `file` whole, for its owner only."""
    lines = ["# Written by `tidings run`. Holds a key: keep it to yourself."]
    lines += [
        f"{name} = {_quote(value)}"
        for name in _TEXTS
        if (value := getattr(configuration, name)) is not None
    ]
    if configuration.categories:
        lines += [
            "",
            "# Category of `tidings send --template …` without --category.",
            "[categories]",
        ]
        lines += [
            f"{_quote(template)} = {_quote(category)}"
            for template, category in configuration.categories.items()
        ]
    write_private(file, "\n".join(lines) + "\n")


def _check(file: Path, entries: dict[str, Any]) -> Configuration:
    for name in entries:
        if name not in (*_TEXTS, "categories"):
            raise Misused(f"{file} has an entry that means nothing: {name}")
    texts = {name: _text(file, name, entries[name]) for name in _TEXTS if name in entries}
    categories = entries.get("categories", {})
    if not isinstance(categories, dict):
        raise Misused(f"{file}: categories must be a table")
    return Configuration(
        **texts,
        categories={
            template: _text(file, f"categories.{template}", category)
            for template, category in categories.items()
        },
    )


def _text(file: Path, name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise Misused(f"{file}: {name} must be a text that is not empty")
    return value


def _quote(text: str) -> str:
    # A JSON string is a TOML basic string, but for DEL, which no value here can hold.
    return json.dumps(text, ensure_ascii=False)
