"""Templates as folders, and the sentences for folders that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.demo.data import CATEGORY_OF_TEMPLATE, ORDER, TEMPLATES
from cli.errors import Misused
from cli.template_folder import find_template_folders, read_template_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make(
        tmp_path / "order-shipped",
        {
            "template.toml": '[variables]\norder = "Order number"\n'
            'url = { description = "Where", optional = true }\n',
            "email/subject.txt": "Order {{ order }}\n",
            "email/body.txt": "On its way.\n",
            "email/body.html": "<p>On its way.</p>\n",
            "in_app/title.txt": "Order {{ order }}\n",
            "in_app/body.txt": "On its way.\n",
            "in_app/action_url.txt": '{{ url or "" }}\n',
            "webhook/data.json": '{"order": {{ order|tojson }}}\n',
        },
    )


def make(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_reads_a_whole_template(folder: Path) -> None:
    template = read_template_folder(folder)
    assert template.name == "order-shipped"
    order, url = template.content.variables
    assert (order.name, order.description, order.optional) == ("order", "Order number", False)
    assert (url.name, url.description, url.optional) == ("url", "Where", True)
    email, in_app = template.content.email, template.content.in_app
    # What must be one line ends without a line break; a mail's text keeps its own.
    assert (email.subject, email.text) == ("Order {{ order }}", "On its way.\n")
    assert email.html == "<p>On its way.</p>\n"
    assert (in_app.title, in_app.body) == ("Order {{ order }}", "On its way.")
    assert in_app.action_url == '{{ url or "" }}'
    assert template.content.webhook.data == '{"order": {{ order|tojson }}}\n'


def test_a_template_may_have_one_channel_and_a_name_of_its_own(tmp_path: Path) -> None:
    make(tmp_path, {"template.toml": 'name = "hello"', "in_app/title.txt": "Hello"})
    template = read_template_folder(tmp_path)
    assert template.name == "hello"
    assert not template.content.HasField("email")
    assert template.content.in_app.body == ""


def test_finds_one_template_or_those_below(folder: Path) -> None:
    make(folder.parent / "another", {"template.toml": ""})
    make(folder.parent / "notes", {"readme.txt": ""})
    assert find_template_folders(folder) == [folder]
    assert find_template_folders(folder.parent) == [folder.parent / "another", folder]


def test_says_when_there_is_no_template(tmp_path: Path) -> None:
    with pytest.raises(Misused, match=r"neither it nor a folder in it has a template\.toml"):
        find_template_folders(tmp_path)
    with pytest.raises(Misused, match="there is no folder"):
        find_template_folders(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "name", ["email/subject.txt", "email/body.txt", "in_app/title.txt", "webhook/data.json"]
)
def test_names_the_file_that_is_missing(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(Misused, match=f"{name} is missing"):
        read_template_folder(folder)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("webhook/data.json.j2", "", "data.json.j2 means nothing; expected are data.json"),
        ("email/boddy.txt", "", "boddy.txt means nothing; expected are subject.txt, body.txt"),
        ("sms/body.txt", "", "sms means nothing; channels are email, in_app, webhook"),
        ("template.toml", "variables", "is not TOML"),
        ("template.toml", "title = 'x'", "an entry that means nothing: title"),
        ("template.toml", "name = 3", "name must be a text"),
        ("template.toml", "variables = 3", "variables must be a table"),
        ("template.toml", "[variables]\norder = 3", "variable order must be a text"),
        ("template.toml", "[variables]\norder = {type = 'x'}", "variable order must be a text"),
        ("template.toml", "[variables]\norder = {optional = 'x'}", "optional true or false"),
    ],
)
def test_says_what_makes_no_sense(folder: Path, name: str, text: str, sentence: str) -> None:
    make(folder, {name: text})
    with pytest.raises(Misused, match=sentence):
        read_template_folder(folder)


def test_says_when_there_is_no_content(tmp_path: Path) -> None:
    make(tmp_path, {"template.toml": ""})
    with pytest.raises(
        Misused, match=r"has no content: .* has no folder email or in_app or webhook"
    ):
        read_template_folder(tmp_path)


def test_says_when_a_file_is_no_text(folder: Path) -> None:
    (folder / "email/body.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(Misused, match="is not UTF-8 text"):
        read_template_folder(folder)


def test_passes_over_hidden_files(folder: Path) -> None:
    make(folder, {"email/.subject.txt.swp": "", ".git/config": ""})
    read_template_folder(folder)


def test_the_demo_ships_complete_templates() -> None:
    templates = {
        template.name: template.content
        for template in map(read_template_folder, find_template_folders(TEMPLATES))
    }
    assert templates.keys() == CATEGORY_OF_TEMPLATE.keys()
    for content in templates.values():
        assert content.email.html
        assert content.in_app.title
    variables = templates["order-shipped"].variables
    # The send that the README shows gives the order and nothing else.
    assert [each.name for each in variables if not each.optional] == ["order"]
    assert {each.name for each in variables} == ORDER.keys()
