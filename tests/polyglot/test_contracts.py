"""What other languages are given: the image, the service config, and the promise not to break them."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor_pb2 import FileDescriptorSet, MethodDescriptorProto
from google.protobuf.message import Message

from tests.polyglot.newer_server import ANSWERS, FIXTURES, NewerContracts
from tidings.inbox.v1.inbox_stream_service_pb2 import SubscribeResponse
from tidings.ingestion.v1.ingestion_service_pb2 import (
    GetNotificationResponse,
    SendNotificationsResponse,
)

REPOSITORY = Path(__file__).parents[2]
BASH = shutil.which("bash") or "/bin/bash"

# A repeat of these is another key, another rotation, or an error that says nothing of the first try.
NOT_REPEATED = {"CreateApiKey", "CreateTemplate", "RotateWebhookSecrets"}
# Clients open these again themselves, after their cursor.
STREAMS = {"Subscribe"}
# Clearing preferences twice is clearing them.
PREFERENCES = "tidings.preference.v1.PreferenceService"


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("contracts")
    subprocess.run([BASH, "scripts/contracts.sh", str(folder)], cwd=REPOSITORY, check=True)
    return folder


@pytest.fixture(scope="module")
def image(contracts: Path) -> FileDescriptorSet:
    return FileDescriptorSet.FromString((contracts / "tidings.binpb").read_bytes())


def methods(image: FileDescriptorSet) -> Iterator[tuple[str, MethodDescriptorProto]]:
    for file in image.file:
        for service in file.service:
            for method in service.method:
                yield f"{file.package}.{service.name}", method


def test_the_image_is_public_and_whole(image: FileDescriptorSet) -> None:
    names = {file.name for file in image.file}
    assert not [name for name in names if "/internal/" in name or "/event/" in name]
    assert "google/rpc/error_details.proto" in names
    assert {imported for file in image.file for imported in file.dependency} <= names


def test_rules_have_the_names_of_published_libraries(image: FileDescriptorSet) -> None:
    [rules] = [file for file in image.file if file.name == "buf/validate/validate.proto"]
    assert rules.options.java_package == "build.buf.validate"
    published = "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
    assert rules.options.go_package == published


def test_comments_come_along(image: FileDescriptorSet) -> None:
    [file] = [file for file in image.file if file.name.endswith("ingestion_service.proto")]
    assert any(
        "Takes notifications in" in at.leading_comments for at in file.source_code_info.location
    )


def test_every_public_method_has_its_time_out_and_retries(
    contracts: Path, image: FileDescriptorSet
) -> None:
    config = json.loads((contracts / "service_config.json").read_text())
    by_service, by_method = {}, {}
    for entry in config["methodConfig"]:
        for name in entry["name"]:
            if "method" in name:
                by_method[name["service"], name["method"]] = entry
            else:
                by_service[name["service"]] = entry
    known = set()
    for service, method in methods(image):
        entry = by_method.get((service, method.name)) or by_service[service]
        known.add((service, method.name))
        unsafe = method.name in NOT_REPEATED | STREAMS or method.name.startswith("Delete")
        expected = None if unsafe and service != PREFERENCES else ["UNAVAILABLE"]
        assert entry.get("retryPolicy", {}).get("retryableStatusCodes") == expected, method.name
        assert ("timeout" in entry) is (method.name not in STREAMS), method.name
    assert set(by_method) <= known
    assert set(by_service) <= {service for service, _ in known}


def test_our_own_clients_have_the_same_config(contracts: Path) -> None:
    ours = files("tidings").joinpath("service_config.json").read_text()
    assert ours == (contracts / "service_config.json").read_text()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The contracts with their scripts, to be changed."""
    for name in ("protos", "scripts"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    for name in ("buf.yaml",):
        shutil.copy(REPOSITORY / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(REPOSITORY / ".venv")
    (tmp_path / "protos" / "released.binpb").unlink(missing_ok=True)
    return tmp_path


def _release(copy: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BASH, "scripts/release_contracts.sh"],
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
    )


def _edit(copy: Path, path: str, old: str, new: str) -> None:
    file = copy / "protos" / "tidings" / path
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("path", "old", "new", "complaint"),
    [
        (
            "ingestion/v1/notification.proto",
            "  int32 revision = 2;",
            "  int64 revision = 2;",
            'changed type from "int32" to "int64"',
        ),
        (
            "common/v1/channel.proto",
            "  CHANNEL_WEBHOOK = 3;",
            "  CHANNEL_HOOK = 3;",
            'changed name from "CHANNEL_WEBHOOK" to "CHANNEL_HOOK"',
        ),
        (
            "event/v1/event_batch.proto",
            "  bytes batch_id = 2;",
            "  bytes batch_id = 5;",
            'Previously present field "2" with name "batch_id"',
        ),
    ],
)
def test_a_release_is_not_broken_later(
    copy: Path, path: str, old: str, new: str, complaint: str
) -> None:
    assert _release(copy).returncode == 0
    released = (copy / "protos" / "released.binpb").read_bytes()
    _edit(copy, path, old, new)
    refused = _release(copy)
    assert refused.returncode != 0
    assert complaint in refused.stdout
    assert (copy / "protos" / "released.binpb").read_bytes() == released


def test_a_release_may_grow(copy: Path) -> None:
    assert _release(copy).returncode == 0
    released = (copy / "protos" / "released.binpb").read_bytes()
    field = "  // What it is the latest word on; may be empty.\n  string collapse_key = 18;\n"
    _edit(
        copy,
        "ingestion/v1/notification.proto",
        field,
        f"{field}  // New.\n  string new = 4000;\n",
    )
    grown = _release(copy)
    assert grown.returncode == 0, grown.stdout
    assert (copy / "protos" / "released.binpb").read_bytes() != released


CLASSES: dict[str, type[Message]] = {
    "notification": GetNotificationResponse,
    "batch": SendNotificationsResponse,
    "changes": SubscribeResponse,
    "frame": SubscribeResponse,
}


@pytest.mark.parametrize("name", CLASSES)
def test_what_a_newer_server_adds_breaks_nothing(name: str) -> None:
    wire = (FIXTURES / f"{name}.binpb").read_bytes()
    binary = CLASSES[name].FromString(wire)
    # What is unknown is kept when a message is passed on.
    assert len(binary.SerializeToString()) == len(wire)
    text = (FIXTURES / f"{name}.json").read_text()
    parsed = json_format.Parse(text, CLASSES[name](), ignore_unknown_fields=True)
    binary.DiscardUnknownFields()
    assert _without_unknown_enums(binary) == _without_unknown_enums(parsed)


@pytest.mark.parametrize("name", ANSWERS)
def test_the_fixtures_are_of_the_future(name: str) -> None:
    message_name, text = ANSWERS[name]
    future = NewerContracts().parse(message_name, text)
    assert future.SerializeToString(deterministic=True) == (FIXTURES / f"{name}.binpb").read_bytes()
    with pytest.raises(json_format.ParseError):
        json_format.Parse((FIXTURES / f"{name}.json").read_text(), CLASSES[name]())


def _without_unknown_enums(message: Message) -> str:
    """JSON keeps no number of a value it does not know; binary does."""
    return "\n".join(
        line for line in str(message).splitlines() if not line.strip().endswith("9001")
    )
