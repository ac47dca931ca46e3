"""What a command does when its output goes nowhere: to a reader that left, or onto a full disk."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import pytest

from cli.log_format import logs_are_json
from tests.unit.cli.fake_server import FakeServer
from tests.unit.cli.notifications import notification
from tidings.ingestion.v1.ingestion_service_pb2 import (
    GetNotificationResponse,
    SendNotificationResponse,
)
from tidings.ingestion.v1.notification_pb2 import NotificationState

GET = ("get", "01982f3e-0000-7000-8000-000000000001")
SEND = ("send", "--to", "alice", "--template", "t", "--category", "c")


@pytest.fixture
def asked(server: FakeServer) -> FakeServer:
    server.on("GetNotification", GetNotificationResponse(notification=notification()))
    server.on(
        "SendNotification",
        SendNotificationResponse(
            notification_id="n1", state=NotificationState.NOTIFICATION_STATE_ACCEPTED
        ),
    )
    return server


def run(
    server: FakeServer,
    arguments: Sequence[str],
    *,
    stdout: int | IO[str] = subprocess.PIPE,
    stderr: int | IO[str] = subprocess.PIPE,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments, "--address", server.address, "--api-key", "key"],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        text=True,
        timeout=60,
        check=False,
    )


def pipe_without_reader() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


@pytest.mark.parametrize("arguments", [GET, (*GET, "-o", "json")])
def test_a_reader_that_left_ends_it_quietly(asked: FakeServer, arguments: Sequence[str]) -> None:
    writer = pipe_without_reader()
    ended = run(asked, arguments, stdout=writer)
    os.close(writer)
    # As a shell reports SIGPIPE, and not the code of a refusal.
    assert (ended.returncode, ended.stderr) == (141, "")


def test_notes_that_nobody_reads_keep_no_answer_back(asked: FakeServer) -> None:
    writer = pipe_without_reader()
    ended = run(asked, SEND, stderr=writer)
    os.close(writer)
    assert (ended.returncode, ended.stdout) == (0, "accepted n1\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device is always full here")
def test_a_full_disk_is_told_in_a_sentence(asked: FakeServer) -> None:
    with Path("/dev/full").open("w") as full:
        ended = run(asked, SEND, stdout=full)
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        "error: the output cannot be written: No space left on device",
        "  try: what the command asked for may be done all the same",
    ]


@pytest.mark.parametrize(("value", "expected"), [("json", True), ("JSON", True), ("text", False)])
def test_the_form_of_the_logs(monkeypatch: pytest.MonkeyPatch, value: str, expected: bool) -> None:
    monkeypatch.setenv("TIDINGS_LOG_FORMAT", value)
    assert logs_are_json() is expected
