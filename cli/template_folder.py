"""A template as a folder: `template.toml` beside one folder per channel with a file per text."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from cli.errors import Misused
from tidings.template.v1.template_service_pb2 import (
    EmailSource,
    InAppSource,
    TemplateContent,
    TemplateVariable,
    WebhookSource,
)

MANIFEST = "template.toml"
_EMAIL = {"subject.txt": True, "body.txt": True, "body.html": False}
_IN_APP = {"title.txt": True, "body.txt": False, "action_url.txt": False}
_WEBHOOK = {"data.json": True}
_CHANNELS = {"email": _EMAIL, "in_app": _IN_APP, "webhook": _WEBHOOK}
"""Folders, their files, and whether a file is required."""


class TemplateFolder:
    """A template that was read from a folder."""

    def __init__(self, name: str, content: TemplateContent) -> None:
        self.name = name
        self.content = content


def find_template_folders(directory: Path) -> list[Path]:
    """Returns `directory` if it is a template, else the templates right below it, by name."""
    if not directory.is_dir():
        raise Misused(f"there is no folder {directory}")
    if (directory / MANIFEST).is_file():
        return [directory]
    folders = sorted(path.parent for path in directory.glob(f"*/{MANIFEST}"))
    if not folders:
        raise Misused(
            f"{directory} is no template: neither it nor a folder in it has a {MANIFEST}",
            hint=f'begin with {directory / MANIFEST} that says [variables] order = "Order number"',
        )
    return folders


def read_template_folder(folder: Path) -> TemplateFolder:
    """Reads one template; raises Misused with what is missing or makes no sense."""
    manifest = _read_manifest(folder / MANIFEST)
    name = manifest.get("name", folder.resolve().name)
    if not isinstance(name, str):
        raise Misused(f"{folder / MANIFEST}: name must be a text")
    _refuse_strangers(folder)
    texts = {channel: _read_texts(folder / channel, files) for channel, files in _CHANNELS.items()}
    if not any(texts.values()):
        raise Misused(
            f"template {name} has no content: {folder} has no folder {' or '.join(_CHANNELS)}"
        )
    content = TemplateContent(variables=_read_variables(folder / MANIFEST, manifest))
    if email := texts["email"]:
        content.email.CopyFrom(_email(email))
    if in_app := texts["in_app"]:
        content.in_app.CopyFrom(_in_app(in_app))
    if webhook := texts["webhook"]:
        content.webhook.CopyFrom(WebhookSource(data=webhook["data.json"]))
    return TemplateFolder(name, content)


def _email(texts: dict[str, str]) -> EmailSource:
    return EmailSource(
        subject=texts["subject.txt"].strip(),
        text=texts["body.txt"],
        html=texts.get("body.html", ""),
    )


def _in_app(texts: dict[str, str]) -> InAppSource:
    return InAppSource(
        title=texts["title.txt"].strip(),
        body=texts.get("body.txt", "").strip(),
        action_url=texts.get("action_url.txt", "").strip(),
    )


def _read_manifest(file: Path) -> dict[str, Any]:
    try:
        manifest = tomllib.loads(_read(file))
    except tomllib.TOMLDecodeError as error:
        raise Misused(f"{file} is not TOML: {error}") from None
    for key in manifest:
        if key not in {"name", "variables"}:
            raise Misused(f"{file} has an entry that means nothing: {key}")
    return manifest


def _read_variables(file: Path, manifest: dict[str, Any]) -> list[TemplateVariable]:
    variables = manifest.get("variables", {})
    if not isinstance(variables, dict):
        raise Misused(f"{file}: variables must be a table")
    return [_read_variable(file, name, entry) for name, entry in variables.items()]


def _read_variable(file: Path, name: str, entry: object) -> TemplateVariable:
    if isinstance(entry, str):
        return TemplateVariable(name=name, description=entry)
    if not isinstance(entry, dict) or not entry.keys() <= {"description", "optional"}:
        raise Misused(
            f"{file}: variable {name} must be a text that describes it,"
            ' or {description = "…", optional = true}'
        )
    description, optional = entry.get("description", ""), entry.get("optional", False)
    if not isinstance(description, str) or not isinstance(optional, bool):
        raise Misused(f"{file}: of variable {name} description is a text, optional true or false")
    return TemplateVariable(name=name, description=description, optional=optional)


def _read_texts(folder: Path, files: dict[str, bool]) -> dict[str, str]:
    """Returns the channel's texts by file name; none when the channel has no folder."""
    if not folder.is_dir():
        return {}
    present = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    for name in present:
        if name not in files:
            raise Misused(f"{folder / name} means nothing; expected are {', '.join(files)}")
    for name, required in files.items():
        if required and name not in present:
            raise Misused(f"{folder / name} is missing")
    return {name: _read(folder / name) for name in present}


def _refuse_strangers(folder: Path) -> None:
    """A folder of a misspelt channel must not be passed over in silence."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name not in _CHANNELS and not path.name.startswith("."):
            raise Misused(f"{path} means nothing; channels are {', '.join(_CHANNELS)}")


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Misused(f"{file} is missing") from None
    except UnicodeDecodeError:
        raise Misused(f"{file} is not UTF-8 text") from None
    except OSError as error:
        raise Misused(f"cannot read {file}: {error.strerror or error}") from None
