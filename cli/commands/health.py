"""`tidings health`: asks a server whether it is serving, as an orchestrator does."""

from __future__ import annotations

import asyncio
from typing import Annotated

import grpc
import typer
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from cli.command import AddressOption, ConfigOption, OutputOption, reporting
from cli.errors import REFUSED, from_rpc
from cli.output import Output, OutputFormat
from cli.session import read_settings

app = typer.Typer(add_completion=False)

_CALL_SECONDS = 3.0


@app.command()
def health(
    service: Annotated[
        str,
        typer.Argument(
            metavar="[SERVICE]",
            show_default=False,
            help="gRPC name such as tidings.inbox.v1.InboxService. Without it the whole process.",
        ),
    ] = "",
    address: AddressOption = None,
    config: ConfigOption = None,
    output: OutputOption = OutputFormat.TEXT,
) -> None:
    """Say whether a server is serving (grpc.health.v1); the exit code is 0 only if it is."""
    out = Output(output)
    with reporting(out):
        settings = read_settings(address=address, api_key=None, file=config)
        status = asyncio.run(_check(settings.address, service))
        name = HealthCheckResponse.ServingStatus.Name(status)
        out.answer({"status": name}, lambda: out.line(name))
    if status != HealthCheckResponse.SERVING:
        raise typer.Exit(REFUSED)


async def _check(address: str, service: str) -> int:
    async with grpc.aio.insecure_channel(address) as channel:
        # Its types know servicers only.
        check = HealthStub(channel).Check  # type: ignore[attr-defined]
        try:
            response: HealthCheckResponse = await check(
                HealthCheckRequest(service=service), timeout=_CALL_SECONDS
            )
        except grpc.aio.AioRpcError as error:
            raise from_rpc(error, address) from None
    return response.status
