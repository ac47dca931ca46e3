"""The filters that lists of what was sent have in common."""

from __future__ import annotations

from typing import Annotated

import typer
from google.protobuf.timestamp_pb2 import Timestamp

from cli.names import CHANNELS
from cli.times import parse_past_moment
from tidings.common.v1.channel_pb2 import Channel

ToOption = Annotated[str, typer.Option(metavar="RECIPIENT", help="Only for this recipient.")]
CategoryOption = Annotated[str, typer.Option(metavar="NAME", help="Only in this category.")]
ChannelOption = Annotated[
    Channel.ValueType | None,
    typer.Option(parser=CHANNELS.parse, metavar=CHANNELS.metavar, help="Only on this channel."),
]
SinceOption = Annotated[
    Timestamp | None,
    typer.Option(
        parser=parse_past_moment,
        metavar="TIME",
        help="Only accepted then or later: 2h ago, or RFC 3339.",
    ),
]
UntilOption = Annotated[
    Timestamp | None,
    typer.Option(parser=parse_past_moment, metavar="TIME", help="Only accepted before."),
]
