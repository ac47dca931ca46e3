"""Requests to test with."""

from __future__ import annotations

from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct

from tests.integration.hosting import api_key
from tidings.template.v1.template_service_pb2 import (
    EmailSource,
    InAppSource,
    TemplateContent,
    TemplateVariable,
)

TENANT = api_key("acme")
STRANGER = api_key("stranger")


def order_shipped(title: str = "Order {{ order.id }} is on its way") -> TemplateContent:
    """A template for both channels that needs `order` and `tracking_url`."""
    return TemplateContent(
        variables=[
            TemplateVariable(name="order", description="id and lines"),
            TemplateVariable(name="tracking_url"),
            TemplateVariable(name="note", optional=True),
        ],
        email=EmailSource(
            subject="Order {{ order.id }}",
            text="{% for line in order.lines %}{{ line.name }}\n{% endfor %}{{ note }}",
            html="<a href='{{ tracking_url }}'>{{ order.lines[0].name }}</a>",
        ),
        in_app=InAppSource(
            title=title, body="{{ note|default('-') }}", action_url="{{ tracking_url }}"
        ),
    )


def variables(**values: object) -> Struct:
    """Variables as they are sent."""
    return ParseDict(values, Struct())


ORDER = {"id": 42, "lines": [{"name": "Tea & Pot"}]}
SENT = variables(order=ORDER, tracking_url="https://example.com/42")
