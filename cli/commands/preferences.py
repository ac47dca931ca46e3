"""`tidings preferences`: what recipients want."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.changing import EtagOption, RequestIdOption
from cli.command import command
from cli.names import CHANNELS
from cli.output import Output
from cli.paging import AllOption, LimitOption, PageTokenOption, read_list
from cli.session import Session
from tidings.common.v1.channel_pb2 import Channel
from tidings.preference.v1.preference_service_pb2 import (
    DeletePreferencesRequest,
    GetPreferencesRequest,
    GetPreferencesResponse,
    ListPreferencesRequest,
    ListPreferencesResponse,
    Preference,
    PreferenceChoice,
    UpdatePreferencesRequest,
    UpdatePreferencesResponse,
)
from tidings.preference.v1.preference_service_pb2_grpc import PreferenceServiceStub

_HEADER = ("CATEGORY", "CHANNEL", "WANTED")

app = typer.Typer(help="What recipients want.", no_args_is_help=True, add_completion=False)
RecipientId = Annotated[str, typer.Argument(metavar="RECIPIENT")]

_WORDS = {
    PreferenceChoice.PREFERENCE_CHOICE_ENABLED: "on",
    PreferenceChoice.PREFERENCE_CHOICE_DISABLED: "off",
}


@command(app, "set")
async def set_preference(
    session: Session,
    recipient_id: RecipientId,
    category: Annotated[
        str, typer.Option(show_default="every category", help="What it is about.")
    ] = "",
    channel: Annotated[
        Channel.ValueType | None,
        typer.Option(
            parser=CHANNELS.parse,
            metavar=CHANNELS.metavar,
            show_default="every channel",
            help="Which way.",
        ),
    ] = None,
    on: Annotated[bool, typer.Option("--on", metavar="", help="Wants them.")] = False,
    off: Annotated[bool, typer.Option("--off", metavar="", help="Does not want them.")] = False,
    clear: Annotated[
        bool, typer.Option("--clear", metavar="", help="Says nothing about them.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", metavar="", help="Clear all others.")
    ] = False,
    etag: EtagOption = "",
    request_id: RequestIdOption = "",
) -> None:
    """Set or clear one preference; give one of --on, --off and --clear."""
    preference = Preference(
        category=category,
        channel=channel or Channel.CHANNEL_UNSPECIFIED,
        choice=_choose(on=on, off=off, clear=clear),
    )
    stub = PreferenceServiceStub(session.channel)
    request = UpdatePreferencesRequest(
        recipient_id=recipient_id,
        preferences=[preference],
        replace=replace,
        etag=etag,
        request_id=request_id,
    )
    response = await session.ask(stub.UpdatePreferences, request)
    session.output.answer(response, lambda: _show(session.output, response))


@command(app, "get")
async def get(session: Session, recipient_id: RecipientId) -> None:
    """Show the preferences that a recipient has set."""
    stub = PreferenceServiceStub(session.channel)
    response = await session.ask(
        stub.GetPreferences, GetPreferencesRequest(recipient_id=recipient_id)
    )
    session.output.answer(response, lambda: _show(session.output, response))


@command(app, "list")
async def list_preferences(
    session: Session,
    category: Annotated[
        str, typer.Option(show_default="all", help="Only about exactly this category.")
    ] = "",
    channel: Annotated[
        Channel.ValueType | None,
        typer.Option(
            parser=CHANNELS.parse,
            metavar=CHANNELS.metavar,
            show_default="all",
            help="Only about exactly this channel.",
        ),
    ] = None,
    on: Annotated[bool, typer.Option("--on", metavar="", help="Only what is wanted.")] = False,
    off: Annotated[
        bool, typer.Option("--off", metavar="", help="Only what is not wanted.")
    ] = False,
    limit: LimitOption = 100,
    page_token: PageTokenOption = "",
    everything: AllOption = False,
) -> None:
    """List the preferences of all recipients, by recipient."""
    choice = PreferenceChoice.PREFERENCE_CHOICE_UNSPECIFIED
    if on != off:
        choice = _choose(on=on, off=off, clear=False)
    stub = PreferenceServiceStub(session.channel)

    async def ask(size: int, token: str) -> ListPreferencesResponse:
        request = ListPreferencesRequest(
            page_size=size,
            page_token=token,
            category=category,
            channel=channel or Channel.CHANNEL_UNSPECIFIED,
            choice=choice,
        )
        return await session.ask(stub.ListPreferences, request)

    page = await read_list(
        session.output,
        ask,
        lambda page: len(page.preferences),
        limit=limit,
        page_token=page_token,
        everything=everything,
    )
    session.output.answer(page, lambda: _show_list(session.output, page))


@command(app, "delete")
async def delete(
    session: Session,
    recipient_id: RecipientId,
    etag: EtagOption = "",
    request_id: RequestIdOption = "",
) -> None:
    """Clear all preferences of a recipient."""
    stub = PreferenceServiceStub(session.channel)
    request = DeletePreferencesRequest(recipient_id=recipient_id, etag=etag, request_id=request_id)
    response = await session.ask(stub.DeletePreferences, request)
    session.output.answer(
        response, lambda: session.output.line(f"preferences of {recipient_id} cleared")
    )


def _choose(*, on: bool, off: bool, clear: bool) -> PreferenceChoice.ValueType:
    if [on, off, clear].count(True) != 1:
        raise typer.BadParameter("give one of --on, --off and --clear")
    if on:
        return PreferenceChoice.PREFERENCE_CHOICE_ENABLED
    if off:
        return PreferenceChoice.PREFERENCE_CHOICE_DISABLED
    return PreferenceChoice.PREFERENCE_CHOICE_UNSPECIFIED


def _show(output: Output, response: GetPreferencesResponse | UpdatePreferencesResponse) -> None:
    if response.preferences:
        output.columns(map(_cells, response.preferences), header=_HEADER)
    else:
        output.line("no preferences set: everything is wanted")
    output.note(f"etag {response.etag}")


def _show_list(output: Output, page: ListPreferencesResponse) -> None:
    output.columns(
        [(each.recipient_id, *_cells(each.preference)) for each in page.preferences],
        header=("RECIPIENT", *_HEADER),
    )
    output.more(page.next_page_token)


def _cells(preference: Preference) -> tuple[str, str, str]:
    return (
        preference.category or "(every)",
        CHANNELS.name(preference.channel) if preference.channel else "(every)",
        _WORDS.get(preference.choice, "-"),
    )
