"""`tidings recipients`, `categories` and `preferences`: what they ask and how they show the answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_server import FakeServer, Refusal
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL
from tidings.common.v1.priority_pb2 import PRIORITY_HIGH
from tidings.preference.v1 import category_service_pb2 as category
from tidings.preference.v1 import preference_service_pb2 as preference
from tidings.preference.v1 import recipient_service_pb2 as recipient

BAD = Refusal(
    grpc.StatusCode.INVALID_ARGUMENT,
    "recipient.locale: wrong",
    "INVALID_FIELD",
    violations={"recipient.locale": "wrong"},
)
AWAY = Refusal(grpc.StatusCode.UNAVAILABLE, "away", "DEPENDENCY_UNAVAILABLE", retry_after=0.01)
Answering = Callable[[recipient.UpsertRecipientsRequest], recipient.UpsertRecipientsResponse]


def storing(request: recipient.UpsertRecipientsRequest) -> recipient.UpsertRecipientsResponse:
    """Stores all recipients but those whose locale is `xx`."""
    refused = Status.FromString(BAD.trailers()[0][1])
    return recipient.UpsertRecipientsResponse(
        results=[
            recipient.UpsertRecipientResult(error=refused)
            if each.locale == "xx"
            else recipient.UpsertRecipientResult(recipient=each)
            for each in request.recipients
        ]
    )


@pytest.fixture
def file(elsewhere: Path) -> Path:
    return elsewhere / "people.csv"


def test_a_file_is_imported_in_batches_of_500(tidings: Run, server: FakeServer, file: Path) -> None:
    file.write_text("recipient_id\n" + "".join(f"r{number}\n" for number in range(1201)))
    server.on("UpsertRecipients", storing)
    result = tidings("recipients", "import", str(file))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "1201 stored\n")
    assert [len(request.recipients) for request in server.requests] == [500, 500, 201]


def test_refused_lines_are_listed_and_the_exit_code_tells(
    tidings: Run, server: FakeServer, file: Path
) -> None:
    file.write_text("recipient_id,locale\na,de\nb,xx\nc\nd,fr\n")
    server.on("UpsertRecipients", storing)
    result = tidings("recipients", "import", str(file))
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "3: b refused: column locale: wrong (INVALID_FIELD)",
        "4: refused: has no cell for the column locale; an empty one will do",
    ]
    assert result.stderr.splitlines()[:2] == ["2 stored", "error: 2 of 4 were refused"]
    assert [each.recipient_id for each in server.requests[0].recipients] == ["a", "b", "d"]


def test_programs_read_a_line_per_refusal_and_the_numbers(
    tidings: Run, server: FakeServer, elsewhere: Path
) -> None:
    file = elsewhere / "people.jsonl"
    file.write_text('{"recipient_id": "a"}\n{"recipient_id": "b", "locale": "xx"}\n')
    server.on("UpsertRecipients", storing)
    result = tidings("recipients", "import", str(file), "-o", "json")
    refused, numbers = (json.loads(line) for line in result.stdout.splitlines())
    assert (refused["line"], refused["recipient_id"]) == (2, "b")
    assert refused["error"]["reason"] == "INVALID_FIELD"
    assert numbers == {"stored": 1, "refused": 1}
    assert result.exit_code == 1


def test_a_call_that_may_pass_is_repeated(tidings: Run, server: FakeServer, file: Path) -> None:
    file.write_text("recipient_id\na\n")
    server.on("UpsertRecipients", AWAY, AWAY, storing)
    assert tidings("recipients", "import", str(file)).exit_code == 0
    assert len(server.requests) == 3


def test_one_that_does_not_pass_says_how_to_go_on(
    tidings: Run, server: FakeServer, file: Path
) -> None:
    file.write_text("recipient_id\n" + "".join(f"r{number}\n" for number in range(600)))
    server.on("UpsertRecipients", storing, AWAY)
    result = tidings("recipients", "import", str(file), "--within", "3")
    assert result.exit_code == 1
    assert "500 are stored; nobody answered for line 502 and what follows; import" in result.stderr


def test_a_file_of_faults_alone_asks_nothing(tidings: Run, server: FakeServer, file: Path) -> None:
    file.write_text("recipient_id,locale\na\n")
    result = tidings("recipients", "import", str(file))
    assert (result.exit_code, server.requests) == (1, [])


def test_a_header_that_is_none_is_misuse(tidings: Run, file: Path) -> None:
    file.write_text("id\na\n")
    result = tidings("recipients", "import", str(file))
    assert result.exit_code == 2
    assert "there is no column 'id'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "paths"),
    [
        (["--locale", "de"], ["locale"]),
        (["--locale", ""], ["locale"]),
        (["--emails", "a@b.c", "--clear", "phone-numbers"], ["emails", "phone_numbers"]),
        (["--webhook-url", "https://a.b", "--time-zone", "UTC"], ["time_zone", "webhook_url"]),
    ],
)
def test_an_update_names_what_was_given(
    tidings: Run, server: FakeServer, arguments: list[str], paths: list[str]
) -> None:
    stored = recipient.Recipient(recipient_id="alice", etag="e2")
    server.on("UpdateRecipient", recipient.UpdateRecipientResponse(recipient=stored))
    result = tidings(
        "recipients", "update", "alice", *arguments, "--etag", "e1", "--request-id", "r1"
    )
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].split() == ["etag", "e2"]
    (request,) = server.requests
    assert list(request.update_mask.paths) == paths
    assert (request.recipient.etag, request.request_id) == ("e1", "r1")


@pytest.mark.parametrize(
    "command",
    [
        ["recipients", "update", "alice"],
        ["recipients", "update", "alice", "--locale", "de", "--clear", "locale"],
        ["recipients", "update", "alice", "--clear", "recipient_id"],
        ["categories", "update", "news"],
        ["categories", "update", "news", "--clear", "class"],
    ],
)
def test_an_update_of_nothing_is_misuse(
    tidings: Run, server: FakeServer, command: list[str]
) -> None:
    assert tidings(*command).exit_code == 2
    assert server.requests == []


def test_a_category_is_updated(tidings: Run, server: FakeServer) -> None:
    stored = category.Category(name="news", etag="e2")
    server.on("UpdateCategory", category.UpdateCategoryResponse(category=stored))
    tidings(
        "categories", "update", "news", "--class", "marketing", "--channel", "email", "--priority",
        "high", "--clear", "ttl",
    )  # fmt: skip
    (request,) = server.requests
    assert list(request.update_mask.paths) == ["category_class", "channels", "priority", "ttl"]
    assert list(request.category.channels) == [CHANNEL_EMAIL]
    assert request.category.priority == PRIORITY_HIGH
    assert not request.category.HasField("ttl")


@pytest.mark.parametrize(
    ("command", "method", "answer", "said"),
    [
        (["recipients"], "DeleteRecipient", recipient.DeleteRecipientResponse(),
         "recipient x deleted"),
        (["categories"], "DeleteCategory", category.DeleteCategoryResponse(), "category x deleted"),
        (["preferences"], "DeletePreferences", preference.DeletePreferencesResponse(),
         "preferences of x cleared"),
    ],
)  # fmt: skip
def test_what_is_deleted(
    tidings: Run, server: FakeServer, command: list[str], method: str, answer: Message, said: str
) -> None:
    server.on(method, answer)
    result = tidings(*command, "delete", "x", "--etag", "e1", "--request-id", "r1")
    assert (result.exit_code, result.stdout) == (0, f"{said}\n")
    (request,) = server.requests
    assert (request.etag, request.request_id) == ("e1", "r1")
    assert json.loads(tidings(*command, "delete", "x", "-o", "json").stdout) == {}


def test_all_pages_are_read_with_the_filters(tidings: Run, server: FakeServer) -> None:
    pages = [
        recipient.ListRecipientsResponse(
            recipients=[recipient.Recipient(recipient_id=f"r{number}")], next_page_token=token
        )
        for number, token in enumerate(["a", "b", ""])
    ]
    server.on("ListRecipients", *pages)
    result = tidings(
        "recipients", "list", "--all", "--limit", "1", "--prefix", "r", "--email", "a@b.c",
        "--phone-number", "+4915112345678", "-o", "json",
    )  # fmt: skip
    listed = [each["recipient_id"] for each in json.loads(result.stdout)["recipients"]]
    assert listed == ["r0", "r1", "r2"]
    assert [request.page_token for request in server.requests] == ["", "a", "b"]
    assert {
        (each.page_size, each.id_prefix, each.email, each.phone_number) for each in server.requests
    } == {(200, "r", "a@b.c", "+4915112345678")}


def test_categories_are_listed_by_kind(tidings: Run, server: FakeServer) -> None:
    server.on("ListCategories", category.ListCategoriesResponse())
    tidings("categories", "list", "--class", "system", "--prefix", "order.")
    (request,) = server.requests
    assert (request.category_class, request.name_prefix) == (2, "order.")


@pytest.mark.parametrize(
    ("words", "choice"), [((), 0), (("--on",), 1), (("--off",), 2), (("--on", "--off"), 0)]
)
def test_preferences_are_listed(
    tidings: Run, server: FakeServer, words: tuple[str, ...], choice: int
) -> None:
    word = preference.Preference(
        channel=CHANNEL_EMAIL, choice=preference.PREFERENCE_CHOICE_DISABLED
    )
    listed = preference.RecipientPreference(recipient_id="alice", preference=word)
    server.on("ListPreferences", preference.ListPreferencesResponse(preferences=[listed]))
    result = tidings("preferences", "list", "--category", "news", "--channel", "email", *words)
    assert result.stdout.splitlines()[1].split() == ["alice", "(every)", "email", "off"]
    (request,) = server.requests
    assert (request.category, request.channel, request.choice) == ("news", CHANNEL_EMAIL, choice)


def test_one_preference_may_replace_all(tidings: Run, server: FakeServer) -> None:
    server.on("UpdatePreferences", preference.UpdatePreferencesResponse(etag="e2"))
    result = tidings("preferences", "set", "alice", "--off", "--replace", "--etag", "e1")
    assert result.stderr == "etag e2\n"
    (request,) = server.requests
    assert (request.replace, request.etag, len(request.preferences)) == (True, "e1", 1)
