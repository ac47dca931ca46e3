"""`tidings keys`: API keys of services."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from cli.command import command
from cli.durations import parse_duration, to_proto
from cli.names import SCOPES
from cli.output import Output
from cli.paging import LimitOption, PageTokenOption, read_pages
from cli.session import Session
from cli.times import show_time
from tidings.access.v1.access_service_pb2 import (
    ApiKey,
    CreateApiKeyRequest,
    CreateApiKeyResponse,
    ListApiKeysRequest,
    ListApiKeysResponse,
    RevokeApiKeyRequest,
)
from tidings.access.v1.access_service_pb2_grpc import AccessServiceStub
from tidings.common.v1.authorization_pb2 import Scope

app = typer.Typer(help="API keys of services.", no_args_is_help=True, add_completion=False)


@command(app, "create")
async def create(
    session: Session,
    scope: Annotated[
        list[Scope.ValueType],
        typer.Option(
            parser=SCOPES.parse,
            metavar="SCOPE",
            help="What it may do, such as notifications:send, or admin; repeat it.",
        ),
    ],
    name: Annotated[str, typer.Option(help="What it is for.")] = "created on the command line",
    ttl: Annotated[
        timedelta | None,
        typer.Option(
            parser=parse_duration,
            metavar="SPAN",
            show_default="for ever",
            help="Lifetime such as 90d.",
        ),
    ] = None,
) -> None:
    """Make a key and print its secret, which is shown this once."""
    request = CreateApiKeyRequest(display_name=name, scopes=scope)
    if ttl is not None:
        request.ttl.CopyFrom(to_proto(ttl))
    stub = AccessServiceStub(session.channel)
    response = await session.ask(stub.CreateApiKey, request)
    session.output.answer(response, lambda: _show_secret(session.output, response))


@command(app, "list")
async def list_keys(
    session: Session, limit: LimitOption = 100, page_token: PageTokenOption = ""
) -> None:
    """List keys, newest first, without their secrets."""
    stub = AccessServiceStub(session.channel)

    async def ask(size: int, token: str) -> ListApiKeysResponse:
        return await session.ask(
            stub.ListApiKeys, ListApiKeysRequest(page_size=size, page_token=token)
        )

    page = await read_pages(ask, limit=limit, page_token=page_token)
    session.output.answer(page, lambda: _show_list(session.output, page))


@command(app, "revoke")
async def revoke(
    session: Session, key_id: Annotated[str, typer.Argument(metavar="KEY_ID")]
) -> None:
    """Revoke a key; every service refuses it within 30 seconds."""
    stub = AccessServiceStub(session.channel)
    response = await session.ask(stub.RevokeApiKey, RevokeApiKeyRequest(key_id=key_id))
    session.output.answer(
        response, lambda: session.output.line(f"key {response.api_key.key_id} revoked")
    )


def _show_secret(output: Output, response: CreateApiKeyResponse) -> None:
    key = response.api_key
    output.note(f"key {key.key_id} may {SCOPES.names(key.scopes)}; its secret, shown this once:")
    output.line(response.secret)


def _show_list(output: Output, page: ListApiKeysResponse) -> None:
    output.columns(
        [
            (key.key_id, key.prefix, _state(key), key.display_name, SCOPES.names(key.scopes))
            for key in page.api_keys
        ],
        header=("KEY", "BEGINS", "STATE", "NAME", "SCOPES"),
    )
    output.more(page.next_page_token)


def _state(key: ApiKey) -> str:
    if key.HasField("revoke_time"):
        return f"revoked {show_time(key.revoke_time)}"
    if key.HasField("expire_time"):
        return f"until {show_time(key.expire_time)}"
    return "valid"
