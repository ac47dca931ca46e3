"""`cli.toml`: found, read, written, and refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.configuration import (
    Configuration,
    find_configuration,
    read_configuration,
    write_configuration,
)
from cli.errors import Misused
from cli.session import read_settings

FULL = Configuration(
    address="127.0.0.1:50051",
    api_key='tdg_"quoted"\\',
    device_id="device",
    categories={"order-shipped": "order.shipped", "a.b": "c.d"},
    internal_address="127.0.0.1:1",
    cluster_secret="secret",
)


@pytest.mark.parametrize("configuration", [FULL, Configuration()])
def test_what_is_written_is_read(tmp_path: Path, configuration: Configuration) -> None:
    file = tmp_path / "cli.toml"
    write_configuration(file, configuration)
    assert read_configuration(file) == configuration
    assert file.stat().st_mode & 0o777 == 0o600


def test_secrets_are_not_in_what_a_log_would_show() -> None:
    assert "tdg_" not in repr(FULL)
    assert "secret" not in repr(FULL).replace("cluster_secret", "")


def test_is_found_from_a_directory_upward(tmp_path: Path) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find_configuration(below) is None
    (tmp_path / ".tidings").mkdir()
    (tmp_path / ".tidings" / "cli.toml").touch()
    assert find_configuration(below) == tmp_path / ".tidings" / "cli.toml"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("address", "is not TOML"),
        ("adress = 'x'", "an entry that means nothing: adress"),
        ("api_key = 3", "api_key must be a text"),
        ("api_key = ''", "api_key must be a text that is not empty"),
        ("categories = 3", "categories must be a table"),
        ("[categories]\na = 3", r"categories\.a must be a text"),
    ],
)
def test_says_what_makes_no_sense(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "cli.toml"
    file.write_text(text)
    with pytest.raises(Misused, match=sentence):
        read_configuration(file)


def test_options_win_over_the_file_and_the_file_over_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_settings(address=None, api_key=None, file=None).address == "127.0.0.1:50051"
    file = tmp_path / "cli.toml"
    write_configuration(file, Configuration(address="file:1", api_key="of the file"))
    settings = read_settings(address=None, api_key="given", file=file)
    assert (settings.address, settings.api_key) == ("file:1", "given")
    with pytest.raises(Misused, match="there is no"):
        read_settings(address=None, api_key=None, file=tmp_path / "other.toml")
