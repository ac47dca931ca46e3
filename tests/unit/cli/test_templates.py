"""What `tidings templates` asks, and how it shows the answer."""

from __future__ import annotations

import json
from pathlib import Path

import grpc
import pytest

from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_server import FakeServer, Refusal
from tidings.template.v1 import template_service_pb2 as template
from tidings.template.v1.content_pb2 import EmailContent, RenderedContent


@pytest.fixture
def hello(elsewhere: Path) -> Path:
    folder = elsewhere / "hello"
    (folder / "in_app").mkdir(parents=True)
    (folder / "template.toml").touch()
    (folder / "in_app" / "title.txt").write_text("Hello")
    return folder


def test_templates_put_creates_and_publishes(tidings: Run, server: FakeServer, hello: Path) -> None:
    draft = template.Template(name="hello", etag="e1")
    server.on("CreateTemplate", template.CreateTemplateResponse(template=draft))
    server.on("PublishTemplate", template.PublishTemplateResponse(version=1))
    result = tidings("templates", "put", str(hello))
    assert result.stdout == "hello version 1 published\n"
    created, published = server.requests
    assert created.content.in_app.title == "Hello"
    assert (published.name, published.etag) == ("hello", "e1")


def test_templates_put_replaces_a_draft_and_tells_when_nothing_changed(
    tidings: Run, server: FakeServer, hello: Path
) -> None:
    exists = Refusal(grpc.StatusCode.ALREADY_EXISTS, "it exists", "TEMPLATE_ALREADY_EXISTS")
    draft = template.Template(name="hello", etag="e2", latest_version=4)
    server.on("CreateTemplate", exists)
    server.on("UpdateTemplate", template.UpdateTemplateResponse(template=draft))
    server.on("PublishTemplate", template.PublishTemplateResponse(version=4))
    result = tidings("templates", "put", str(hello.parent), "-o", "json")
    assert json.loads(result.stdout) == {
        "templates": [{"name": "hello", "version": 4, "changed": False}]
    }


def test_templates_put_sends_nothing_when_a_folder_is_wrong(
    tidings: Run, server: FakeServer, hello: Path
) -> None:
    (hello.parent / "wrong").mkdir()
    (hello.parent / "wrong" / "template.toml").touch()
    assert tidings("templates", "put", str(hello.parent)).exit_code == 2
    assert server.requests == []


def test_templates_preview(tidings: Run, server: FakeServer) -> None:
    content = RenderedContent(email=EmailContent(subject="Order 42", text="On its way\n"))
    server.on("PreviewTemplate", template.PreviewTemplateResponse(content=content))
    result = tidings(
        "templates", "preview", "order-shipped", "--channel", "email", "--var", "order=42"
    )
    assert result.stdout == "Subject: Order 42\n\nOn its way\n"
    assert dict(server.requests[0].variables) == {"order": 42.0}
