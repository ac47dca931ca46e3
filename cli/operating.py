"""What only the cluster's operator may do: it is asked on internal listeners, with the cluster credential."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cli.errors import Misused
from cli.session import read_settings
from libs.config import SettingError

if TYPE_CHECKING:
    import grpc

Result = TypeVar("Result")

InternalAddressOption = Annotated[
    str | None,
    typer.Option(
        envvar="TIDINGS_INTERNAL_ADDRESS",
        metavar="HOST:PORT",
        help="The internal listener. Without it cli.toml's.",
    ),
]
ClusterSecretOption = Annotated[
    str | None,
    typer.Option(
        envvar="TIDINGS_CLUSTER_SECRET",
        metavar="SECRET",
        help="The cluster credential. Without it cli.toml's.",
    ),
]


@dataclass(frozen=True, slots=True)
class Operator:
    """A channel to an internal listener."""

    address: str
    channel: grpc.aio.Channel

    async def ask(self, call: Awaitable[Result]) -> Result:
        """Awaits an answer; raises Refused or Unreachable."""
        import grpc

        from cli.errors import from_rpc

        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise from_rpc(error, self.address) from None


def operate(
    work: Callable[[Operator], Awaitable[Result]],
    *,
    whose: str,
    address: str | None,
    secret: str | None,
    config: Path | None,
) -> Result:
    """Runs `work` with a channel to the internal listener; `whose` says in a sentence what is done there.

    Raises Misused when its address or the credential is not known.
    """
    # They bring the servers' plumbing along.
    from cli.settings import cluster_secret
    from libs.rpc.channel import open_channel

    configuration = read_settings(address=None, api_key=None, file=config).configuration
    to = address or configuration.internal_address
    try:
        credential = secret or cluster_secret(os.environ) or configuration.cluster_secret
    except SettingError as error:
        raise Misused(str(error)) from None
    if not to or not credential:
        raise Misused(
            f"{whose} on the internal listener; its address and the cluster's secret are not known here",
            hint="set TIDINGS_INTERNAL_ADDRESS and TIDINGS_CLUSTER_SECRET, "
            "or work in the directory of `tidings run`",
        )

    async def converse() -> Result:
        async with open_channel(to, cluster_secret=credential) as channel:
            return await work(Operator(to, channel))

    return asyncio.run(converse())
