"""Settings: what is read is on the page, what is on the page is read, and mistakes are told."""

from __future__ import annotations

import logging
import re
from dataclasses import fields
from pathlib import Path

import pytest

from cli.serve import SERVICE_NAMES
from cli.settings import (
    SERVICE_SETTINGS,
    ProcessSettings,
    check_environ,
    command_settings,
    refuse_fleeting_secret,
    refuse_lonely_part,
    server_settings,
)
from libs.config import Environ, SettingError
from libs.config.settings import EnvironSettings

SECRET = "a cluster secret for the tests only"
ROOT = Path(__file__).resolve().parents[3]
VARIABLE = re.compile(r"\b(?:TIDINGS|OTEL)_[A-Z0-9_]*[A-Z0-9]\b")
CODE = [
    *(file for folder in ("cli", "libs", "services") for file in (ROOT / folder).rglob("*.py")),
    *ROOT.glob("deploy/**/*"),
    ROOT / "docker-compose.yml",
    *ROOT.glob("docs/*.md"),
    ROOT / "README.md",
]


def on_the_page() -> set[str]:
    rows = (ROOT / "docs" / "settings.md").read_text().splitlines()
    return {found[0] for row in rows if row.startswith("| `") and (found := VARIABLE.findall(row))}


def test_whatever_the_tree_names_is_on_the_page() -> None:
    named = {
        variable.removesuffix("_FILE"): file
        for file in CODE
        if file.is_file()
        for variable in VARIABLE.findall(file.read_text())
    }
    assert {name: str(named[name]) for name in named.keys() - on_the_page()} == {}


def test_the_page_has_nothing_that_no_code_declares() -> None:
    declared = {setting.variable for setting in server_settings()} | set(command_settings())
    assert on_the_page() == declared


@pytest.mark.parametrize("service", [None, *SERVICE_SETTINGS])
def test_every_declared_setting_is_used(service: str | None) -> None:
    kind: type[EnvironSettings] = SERVICE_SETTINGS[service] if service else ProcessSettings
    folder = ROOT / "services" / service if service else ROOT / "cli"
    code = "\n".join(file.read_text() for file in folder.rglob("*.py"))
    # Addresses are looked up by the service's name.
    unused = [
        name
        for name in (field.name for field in fields(kind))
        if not name.endswith("_address") and not re.search(rf"(settings|self)\.{name}\b", code)
    ]
    assert unused == []


def test_every_service_has_an_address() -> None:
    settings = ProcessSettings.from_environ(Environ({"TIDINGS_INBOX_ADDRESS": "inbox:50052"}))
    assert {name for name in SERVICE_NAMES if settings.address(name)} == {"inbox"}


def test_bad_values_are_told_at_once() -> None:
    environ = {
        "TIDINGS_DATABASE_URL": "mysql://user:hunter2@host/x",
        "TIDINGS_MIGRATE": "maybe",
        "TIDINGS_INBOX_ADDRESS": "inbox",
        "TIDINGS_DISPATCH_MAX_ATTEMPTS": "0",
        "TIDINGS_DISPATCH_LEASE_SECONDS": "inf",
        "TIDINGS_SMTP_TIMEOUT_SECONDS": "soon",
        "TIDINGS_INGESTION_PLANNERS": "of another service",
    }
    with pytest.raises(SettingError) as raised:
        check_environ(environ, ["dispatch"])
    sentences = str(raised.value).split("; ")
    assert sentences == [
        "TIDINGS_DATABASE_URL must begin with postgresql:// or postgres://",
        "TIDINGS_MIGRATE must be on or off, not 'maybe'",
        "TIDINGS_INBOX_ADDRESS must be host:port, not 'inbox'",
        "TIDINGS_DISPATCH_LEASE_SECONDS must be a number of at most 2147483647, not 'inf'",
        "TIDINGS_DISPATCH_MAX_ATTEMPTS must be a whole number of at least 1, not '0'",
        "TIDINGS_SMTP_TIMEOUT_SECONDS must be a number, not 'soon'",
    ]


def test_a_part_is_told_all_that_it_lacks() -> None:
    with pytest.raises(SettingError, match=r"TIDINGS_SMTP_URL, TIDINGS_ACCESS_ADDRESS"):
        refuse_lonely_part({}, ["dispatch"], SERVICE_NAMES)


def test_a_misspelt_variable_is_told_with_the_nearest(caplog: pytest.LogCaptureFixture) -> None:
    environ = {
        "TIDINGS_DATABSE_URL": "x",
        "TIDINGS_API_KEY": "of the command line",
        "TIDINGS_SMTP_URL_FILE": "",
        "PATH": "/bin",
    }
    with caplog.at_level(logging.WARNING):
        check_environ(environ, SERVICE_NAMES)
    told = [(record.variable, record.nearest) for record in caplog.records]  # type: ignore[attr-defined]
    assert told == [("TIDINGS_DATABSE_URL", "TIDINGS_DATABASE_URL")]


def test_a_secret_comes_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    read = check_environ({"TIDINGS_CLUSTER_SECRET_FILE": str(file)}, ())
    assert read == {"TIDINGS_CLUSTER_SECRET": SECRET}


def test_a_secret_that_can_be_guessed_is_refused_and_not_shown() -> None:
    with pytest.raises(SettingError) as raised:
        check_environ({"TIDINGS_CLUSTER_SECRET": "hunter2"}, ())
    assert str(raised.value) == "TIDINGS_CLUSTER_SECRET must have at least 32 characters"


def test_a_database_elsewhere_needs_a_secret_that_outlives_the_directory() -> None:
    environ = {"TIDINGS_DATABASE_URL": "postgresql://host/x"}
    with pytest.raises(SettingError, match="TIDINGS_CLUSTER_SECRET beside it"):
        refuse_fleeting_secret(ProcessSettings.from_environ(Environ(environ)))
    environ["TIDINGS_CLUSTER_SECRET"] = SECRET
    refuse_fleeting_secret(ProcessSettings.from_environ(Environ(environ)))
    refuse_fleeting_secret(ProcessSettings.from_environ(Environ({})))


def test_secrets_do_not_show_where_settings_are_printed() -> None:
    url = "postgresql://user:hunter2@host/x"
    environ = Environ({"TIDINGS_CLUSTER_SECRET": SECRET, "TIDINGS_DATABASE_URL": url})
    settings = ProcessSettings.from_environ(environ)
    assert (settings.cluster_secret, settings.database_url) == (SECRET, url)
    assert SECRET not in repr(settings)
    assert url not in repr(settings)


def test_a_secret_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    environ = {
        "TIDINGS_CLUSTER_SECRET_FILE": str(tmp_path / "empty"),
        "TIDINGS_AMQP_URL_FILE": str(tmp_path / "absent"),
        "TIDINGS_SMTP_URL": "smtp://host:25",
        "TIDINGS_SMTP_URL_FILE": str(tmp_path / "empty"),
    }
    with pytest.raises(SettingError) as raised:
        check_environ(environ, ())
    for part in ("TIDINGS_CLUSTER_SECRET_FILE names an empty", "'TIDINGS_AMQP_URL_FILE", "both"):
        assert part.strip("'") in str(raised.value)
