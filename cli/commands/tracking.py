"""`tidings tracking`: what only the cluster's operator may do about it, on the internal listener."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.command import ConfigOption, OutputOption, reporting
from cli.errors import Misused
from cli.operating import ClusterSecretOption, InternalAddressOption, Operator, operate
from cli.output import Output, OutputFormat
from cli.times import show_time, to_datetime
from tidings.internal.tracking.v1 import rebuild_service_pb2 as pb

if TYPE_CHECKING:
    # The stubs have types of their own for asyncio, which exist for type checkers only.
    from tidings.internal.tracking.v1.rebuild_service_pb2_grpc import RebuildServiceAsyncStub

app = typer.Typer(
    help="What tracking knows of deliveries, made anew, for the cluster's operator.",
    no_args_is_help=True,
    add_completion=False,
)

Ask = Callable[["RebuildServiceAsyncStub", Operator], Awaitable[pb.Rebuild]]

_LOOK_S = 1.0
# A page takes moments, its rest a few times as long.
_SILENT_S = 30.0
_WORDS = {
    pb.REBUILD_STATE_RUNNING: "under way",
    pb.REBUILD_STATE_DONE: "done",
    pb.REBUILD_STATE_STOPPED: "stopped",
}


@app.command()
def rebuild(
    from_nothing: Annotated[
        bool,
        typer.Option(
            "--from-nothing",
            help="Delete all deliveries and counts first, those too that the ledger has no more: counts of more"
            " than a month ago are lost. Facts such as reads stay.",
        ),
    ] = False,
    wait: Annotated[
        bool, typer.Option(help="Stay until it has ended. Leaving does not end it.")
    ] = True,
    internal_address: InternalAddressOption = None,
    cluster_secret: ClusterSecretOption = None,
    config: ConfigOption = None,
    output: OutputOption = OutputFormat.TEXT,
) -> None:
    """Have dispatch's ledger tell tracking everything again, beside live events; or join what is under way."""
    show = Output(output)

    async def work(stub: RebuildServiceAsyncStub, operator: Operator) -> pb.Rebuild:
        request = pb.StartRebuildRequest(from_nothing=from_nothing)
        begun = (await operator.ask(stub.StartRebuild(request))).rebuild
        return await _follow(stub, operator, begun, show) if wait else begun

    _run(work, internal_address, cluster_secret, config, show)


@app.command()
def progress(
    internal_address: InternalAddressOption = None,
    cluster_secret: ClusterSecretOption = None,
    config: ConfigOption = None,
    output: OutputOption = OutputFormat.TEXT,
) -> None:
    """Say how far the last rebuild is."""

    async def work(stub: RebuildServiceAsyncStub, operator: Operator) -> pb.Rebuild:
        return _there((await operator.ask(stub.GetRebuild(pb.GetRebuildRequest()))).rebuild)

    _run(work, internal_address, cluster_secret, config, Output(output))


@app.command()
def stop(
    internal_address: InternalAddressOption = None,
    cluster_secret: ClusterSecretOption = None,
    config: ConfigOption = None,
    output: OutputOption = OutputFormat.TEXT,
) -> None:
    """End a rebuild where it is; what it has recorded stays."""

    async def work(stub: RebuildServiceAsyncStub, operator: Operator) -> pb.Rebuild:
        return _there((await operator.ask(stub.StopRebuild(pb.StopRebuildRequest()))).rebuild)

    _run(work, internal_address, cluster_secret, config, Output(output))


def _run(
    ask: Ask, address: str | None, secret: str | None, config: Path | None, output: Output
) -> None:
    async def converse(operator: Operator) -> pb.Rebuild:
        from tidings.internal.tracking.v1.rebuild_service_pb2_grpc import RebuildServiceStub

        return await ask(RebuildServiceStub(operator.channel), operator)

    with reporting(output):
        found = operate(
            converse, whose="tracking is rebuilt", address=address, secret=secret, config=config
        )
        output.answer(found, lambda: output.line(_sentence(found)))


async def _follow(
    stub: RebuildServiceAsyncStub, operator: Operator, begun: pb.Rebuild, output: Output
) -> pb.Rebuild:
    found, shown = begun, ""
    while found.state == pb.REBUILD_STATE_RUNNING:
        if (sentence := _sentence(found)) != shown:
            output.note(sentence)
            shown = sentence
        await asyncio.sleep(_LOOK_S)
        found = (await operator.ask(stub.GetRebuild(pb.GetRebuildRequest()))).rebuild
    return found


def _there(found: pb.Rebuild) -> pb.Rebuild:
    if not found.state:
        raise Misused("there was no rebuild yet", hint="`tidings tracking rebuild` begins one")
    return found


def _sentence(found: pb.Rebuild) -> str:
    words = f"{_WORDS.get(found.state, 'unknown')}: {found.deliveries:,} deliveries"
    if found.HasField("position_time") and found.HasField("first_time"):
        words += f", up to those accepted {show_time(found.position_time)} ({_share(found):.0%})"
    if found.state == pb.REBUILD_STATE_RUNNING:
        words += _silence(found)
    return words


def _share(found: pb.Rebuild) -> float:
    """Returns how much of the time is covered that the ledger covers."""
    first, position, last = map(
        to_datetime, (found.first_time, found.position_time, found.last_time)
    )
    return (position - first) / (last - first) if last > first else 1.0


def _silence(found: pb.Rebuild) -> str:
    silent = (datetime.now(UTC) - to_datetime(found.update_time)).total_seconds()
    if silent < _SILENT_S:
        return ""
    return (
        f"; nothing for {silent:.0f} s: is dispatch away? The log of tracking says `rebuild_waits`"
    )
