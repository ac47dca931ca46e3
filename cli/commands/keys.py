"""`tidings keys`: API keys of services."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from google.protobuf.timestamp_pb2 import Timestamp

from cli.changing import EtagOption, RequestIdOption, mask_of, parse_choice
from cli.command import command
from cli.durations import parse_duration, to_proto
from cli.names import SCOPES
from cli.output import Output
from cli.paging import AllOption, LimitOption, PageTokenOption, read_list
from cli.session import Session
from cli.times import parse_moment, show_time, to_datetime
from tidings.access.v1.access_service_pb2 import (
    ApiKey,
    CreateApiKeyRequest,
    CreateApiKeyResponse,
    GetApiKeyRequest,
    ListApiKeysRequest,
    ListApiKeysResponse,
    RevokeApiKeyRequest,
    UpdateApiKeyRequest,
)
from tidings.access.v1.access_service_pb2_grpc import AccessServiceStub
from tidings.common.v1.authorization_pb2 import Scope

app = typer.Typer(help="API keys of services.", no_args_is_help=True, add_completion=False)
KeyId = Annotated[str, typer.Argument(metavar="KEY_ID")]
_CLEARABLE = ("expire_time",)


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
    request_id: RequestIdOption = "",
) -> None:
    """Make a key and print its secret, which is shown this once."""
    request = CreateApiKeyRequest(display_name=name, scopes=scope, request_id=request_id)
    if ttl is not None:
        request.ttl.CopyFrom(to_proto(ttl))
    stub = AccessServiceStub(session.channel)
    response = await session.ask(stub.CreateApiKey, request)
    session.output.answer(response, lambda: _show_secret(session.output, response))


@command(app, "list")
async def list_keys(
    session: Session,
    active: Annotated[
        bool, typer.Option("--active", metavar="", help="Only keys that work.")
    ] = False,
    limit: LimitOption = 100,
    page_token: PageTokenOption = "",
    everything: AllOption = False,
) -> None:
    """List keys, newest first, without their secrets."""
    stub = AccessServiceStub(session.channel)

    async def ask(size: int, token: str) -> ListApiKeysResponse:
        request = ListApiKeysRequest(page_size=size, page_token=token, active_only=active)
        return await session.ask(stub.ListApiKeys, request)

    page = await read_list(
        session.output,
        ask,
        lambda page: len(page.api_keys),
        limit=limit,
        page_token=page_token,
        everything=everything,
    )
    session.output.answer(page, lambda: _show_list(session.output, page))


@command(app, "get")
async def get(session: Session, key_id: KeyId) -> None:
    """Show a key, without its secret."""
    stub = AccessServiceStub(session.channel)
    response = await session.ask(stub.GetApiKey, GetApiKeyRequest(key_id=key_id))
    session.output.answer(response, lambda: _show(session.output, response.api_key))


@command(app, "update")
async def update(
    session: Session,
    key_id: KeyId,
    scope: Annotated[
        list[Scope.ValueType] | None,
        typer.Option(
            parser=SCOPES.parse, metavar="SCOPE", help="What it may do from now on; repeat it."
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    expires: Annotated[
        Timestamp | None,
        typer.Option(
            parser=parse_moment,
            metavar="TIME",
            help="When it stops working: 2026-10-30T09:00:00Z, or a span from now such as 90d.",
        ),
    ] = None,
    clear: Annotated[
        list[str] | None,
        typer.Option(
            parser=parse_choice(_CLEARABLE),
            metavar="|".join(_CLEARABLE),
            help="expire_time: it works until it is revoked.",
        ),
    ] = None,
    etag: EtagOption = "",
    request_id: RequestIdOption = "",
) -> None:
    """Change a key; every service goes by it within 30 seconds."""
    given = {"display_name": name, "scopes": scope, "expire_time": expires}
    request = UpdateApiKeyRequest(
        key_id=key_id,
        display_name=name or "",
        scopes=scope or [],
        expire_time=expires,
        update_mask=mask_of(given, clear or [], options="--scope, --name, --expires and --clear"),
        etag=etag,
        request_id=request_id,
    )
    stub = AccessServiceStub(session.channel)
    response = await session.ask(stub.UpdateApiKey, request)
    session.output.answer(response, lambda: _show(session.output, response.api_key))


@command(app, "revoke")
async def revoke(session: Session, key_id: KeyId) -> None:
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


def _show(output: Output, key: ApiKey) -> None:
    output.columns(
        [
            ("key", key.key_id),
            ("begins", key.prefix),
            ("state", _state(key)),
            ("name", key.display_name),
            ("scopes", SCOPES.names(key.scopes)),
            ("created", show_time(key.create_time)),
            ("expires", show_time(key.expire_time)),
            ("etag", key.etag),
        ]
    )


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
    if key.HasField("expire_time") and to_datetime(key.expire_time) <= datetime.now(UTC):
        return f"expired {show_time(key.expire_time)}"
    if key.HasField("expire_time"):
        return f"until {show_time(key.expire_time)}"
    return "valid"
