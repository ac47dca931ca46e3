"""What the commands about keys and templates ask, and how they show the answers."""

from __future__ import annotations

import json
from pathlib import Path

import grpc
import pytest

from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_server import FakeServer, Refusal
from tests.unit.cli.notifications import at
from tidings.access.v1 import access_service_pb2 as access
from tidings.common.v1.authorization_pb2 import Scope
from tidings.common.v1.channel_pb2 import Channel
from tidings.template.v1 import template_service_pb2 as template
from tidings.template.v1.content_pb2 import RenderedContent, WebhookContent

KEY = access.ApiKey(
    key_id="k1",
    prefix="tdg_a",
    display_name="shop",
    scopes=[Scope.SCOPE_TEMPLATES_READ],
    create_time=at(0),
    etag="3",
)


def test_keys_create_repeats_with_a_request_id(tidings: Run, server: FakeServer) -> None:
    server.on("CreateApiKey", access.CreateApiKeyResponse(api_key=KEY, secret="s"))
    tidings("keys", "create", "--scope", "templates:read", "--request-id", "r1")
    assert server.requests[0].request_id == "r1"


def test_keys_get_shows_all_but_the_secret(tidings: Run, server: FakeServer) -> None:
    server.on("GetApiKey", access.GetApiKeyResponse(api_key=KEY))
    shown = dict(
        line.split(maxsplit=1) for line in tidings("keys", "get", "k1").stdout.splitlines()
    )
    assert shown["key"] == "k1"
    assert (shown["state"], shown["expires"]) == ("valid", "-")
    assert (shown["scopes"], shown["etag"]) == ("templates:read", "3")
    document = json.loads(tidings("keys", "get", "k1", "-o", "json").stdout)
    assert document["api_key"]["display_name"] == "shop"


def test_keys_update_changes_what_was_given(tidings: Run, server: FakeServer) -> None:
    server.on("UpdateApiKey", access.UpdateApiKeyResponse(api_key=KEY))
    tidings(
        "keys", "update", "k1", "--scope", "templates:read", "--expires", "2126-01-02T03:04:05Z",
        "--etag", "2", "--request-id", "r1",
    )  # fmt: skip
    tidings("keys", "update", "k1", "--name", "new", "--clear", "expire-time")
    first, second = server.requests
    assert list(first.update_mask.paths) == ["expire_time", "scopes"]
    assert first.expire_time.ToJsonString() == "2126-01-02T03:04:05Z"
    assert (first.etag, first.request_id) == ("2", "r1")
    assert list(second.update_mask.paths) == ["display_name", "expire_time"]
    assert not second.HasField("expire_time")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((), "nothing to change; give one of --scope, --name, --expires and --clear"),
        (("--expires", "1d", "--clear", "expire_time"), "cannot be given and cleared at once"),
        (("--clear", "scopes"), "'scopes' is no field; choose from expire_time"),
        (("--expires", "soon"), "'soon' is no time"),
    ],
)
def test_keys_update_refuses_what_makes_no_sense(
    tidings: Run, server: FakeServer, options: tuple[str, ...], sentence: str
) -> None:
    refused = tidings("keys", "update", "k1", *options)
    assert refused.exit_code == 2
    assert sentence in " ".join(refused.stderr.replace("│", " ").split())
    assert server.requests == []


def test_keys_list_asks_for_active_ones_and_reads_on_to_the_end(
    tidings: Run, server: FakeServer
) -> None:
    server.on(
        "ListApiKeys",
        access.ListApiKeysResponse(api_keys=[KEY], next_page_token="more"),
        access.ListApiKeysResponse(api_keys=[access.ApiKey(key_id="k2", expire_time=at(0))]),
    )
    result = tidings("keys", "list", "--active", "--all")
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["KEY", "k1", "k2"]
    assert "expired" in result.stdout
    assert [(each.page_token, each.active_only) for each in server.requests] == [
        ("", True),
        ("more", True),
    ]


@pytest.fixture
def hello(elsewhere: Path) -> Path:
    folder = elsewhere / "hello"
    (folder / "webhook").mkdir(parents=True)
    (folder / "template.toml").touch()
    (folder / "webhook" / "data.json").write_text("{}")
    return folder


DRAFT = template.Template(name="hello", etag="e2", update_time=at(0))


def test_templates_create_stores_a_draft_and_publishes_nothing(
    tidings: Run, server: FakeServer, hello: Path
) -> None:
    server.on("CreateTemplate", template.CreateTemplateResponse(template=DRAFT))
    result = tidings("templates", "create", str(hello), "--request-id", "r1")
    assert result.stdout == "draft of hello stored, etag e2\n"
    (request,) = server.requests
    assert (request.name, request.content.webhook.data, request.request_id) == ("hello", "{}", "r1")


def test_templates_update_takes_the_parts_that_were_named(
    tidings: Run, server: FakeServer, hello: Path
) -> None:
    server.on("UpdateTemplate", template.UpdateTemplateResponse(template=DRAFT))
    tidings("templates", "update", str(hello))
    tidings(
        "templates", "update", str(hello), "--part", "in-app", "--part", "webhook", "--etag", "e1"
    )
    whole, parts = server.requests
    assert not whole.HasField("update_mask") or not whole.update_mask.paths
    assert (list(parts.update_mask.paths), parts.etag) == (["in_app", "webhook"], "e1")
    refused = tidings("templates", "update", str(hello), "--part", "sms")
    assert refused.exit_code == 2
    assert "choose from variables, email, in_app, webhook" in " ".join(
        refused.stderr.replace("│", " ").split()
    )


def test_templates_publish_and_delete_are_conditional(tidings: Run, server: FakeServer) -> None:
    server.on("PublishTemplate", template.PublishTemplateResponse(version=4))
    server.on(
        "DeleteTemplate",
        template.DeleteTemplateResponse(),
        Refusal(grpc.StatusCode.ABORTED, "changed", "ETAG_MISMATCH"),
    )
    published = tidings("templates", "publish", "hello", "--etag", "e2", "--request-id", "r1")
    assert published.stdout == "hello version 4 published\n"
    deleted = tidings("templates", "delete", "hello", "--etag", "e2", "--request-id", "r2")
    assert deleted.stdout == "template hello deleted\n"
    assert [(each.etag, each.request_id) for each in server.requests] == [
        ("e2", "r1"),
        ("e2", "r2"),
    ]
    refused = tidings("templates", "delete", "hello", "--etag", "e2")
    assert refused.exit_code == 1
    assert "reason: ETAG_MISMATCH" in refused.stderr


def test_templates_versions_are_listed_with_their_channels(
    tidings: Run, server: FakeServer
) -> None:
    channels = [Channel.CHANNEL_EMAIL, Channel.CHANNEL_WEBHOOK]
    version = template.TemplateVersion(version=2, channels=channels, publish_time=at(0))
    server.on("ListTemplateVersions", template.ListTemplateVersionsResponse(versions=[version]))
    lines = tidings("templates", "versions", "hello").stdout.splitlines()
    assert lines[0].split() == ["VERSION", "PUBLISHED", "CHANNELS"]
    assert lines[1].split()[0] == "2"
    assert lines[1].endswith("email webhook")
    document = json.loads(tidings("templates", "versions", "hello", "-o", "json").stdout)
    assert document["versions"][0]["version"] == 2


def test_templates_list_is_narrowed(tidings: Run, server: FakeServer) -> None:
    server.on("ListTemplates", template.ListTemplatesResponse(templates=[DRAFT]))
    tidings("templates", "list", "--prefix", "order", "--published", "--limit", "7")
    (request,) = server.requests
    assert (request.name_prefix, request.published_only, request.page_size) == ("order", True, 7)


def test_templates_shows_what_a_webhook_says(tidings: Run, server: FakeServer) -> None:
    content = template.TemplateContent(webhook=template.WebhookSource(data="{{ x|tojson }}\n"))
    draft = template.Template(name="hello", content=content, etag="e1", update_time=at(0))
    server.on("GetTemplate", template.GetTemplateResponse(template=draft))
    rendered = RenderedContent(webhook=WebhookContent(data='{"a": 1}'))
    server.on("PreviewTemplate", template.PreviewTemplateResponse(content=rendered))
    shown = tidings("templates", "get", "hello").stdout
    assert "webhook/data.json\n{{ x|tojson }}\n" in shown
    assert "etag e1" in shown
    previewed = tidings("templates", "preview", "hello", "--channel", "webhook", "--var", "x=1")
    assert previewed.stdout == '{"a": 1}\n'
    assert server.requests[1].channel == Channel.CHANNEL_WEBHOOK
