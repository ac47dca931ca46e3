"""Contents and variables on the wire."""

from __future__ import annotations

import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct, Value

from services.template.domain.models import Channel, Content, Variable
from services.template.wire.channel import CHANNEL_FROM_PROTO, CHANNEL_TO_PROTO
from services.template.wire.content import content_from_bytes, content_to_bytes
from services.template.wire.variables import variables_from_bytes, variables_from_proto
from tests.unit.template.contents import declared, email, in_app, webhook
from tests.unit.template.rendering import render
from tidings.common.v1.channel_pb2 import Channel as ProtoChannel


@pytest.mark.parametrize(
    "content",
    [
        email("s", "t", "h", variables=declared("a", "b?")),
        in_app("t", "b", "https://example.com"),
        Content(
            variables=(Variable(name="a", description="an a", optional=True),),
            sources={**email().sources, **in_app().sources, **webhook("{}").sources},
        ),
    ],
)
def test_a_content_survives_storing(content: Content) -> None:
    assert content_from_bytes(content_to_bytes(content)) == content


def test_every_channel_has_a_number() -> None:
    assert set(CHANNEL_TO_PROTO) == set(Channel)
    assert set(CHANNEL_FROM_PROTO) == set(ProtoChannel.values()) - {0}


def test_variables_become_plain_values() -> None:
    values = {"a": "x", "b": True, "c": None, "d": {"e": [1, 2.5, {"f": []}]}}
    assert variables_from_proto(ParseDict(values, Struct())) == values


@pytest.mark.parametrize(
    ("number", "rendered"),
    [
        (42.0, "42"),
        (-3.0, "-3"),
        (0.0, "0"),
        (-0.0, "0"),
        (2.5, "2.5"),
        (0.1, "0.1"),
        (9007199254740993.0, "9007199254740992"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1e300, "1e+300"),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
    ],
)
def test_a_number_renders_as_people_write_it(number: float, rendered: str) -> None:
    struct = Struct(fields={"n": Value(number_value=number)})
    assert render("{{ n }}", variables_from_proto(struct)) == rendered


def test_a_value_of_no_kind_is_none() -> None:
    assert variables_from_proto(Struct(fields={"n": Value()})) == {"n": None}


def test_bytes_that_are_no_struct_are_none() -> None:
    assert variables_from_bytes(b"\xff") is None
    assert variables_from_bytes(b"") == {}
