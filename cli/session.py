"""One command's conversation with the server: its settings, its channel and its output."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import grpc

from cli.configuration import (
    DEFAULT_ADDRESS,
    Configuration,
    find_configuration,
    read_configuration,
)
from cli.errors import from_rpc
from cli.output import Output

Request = TypeVar("Request")
Response = TypeVar("Response")

CALL_SECONDS = 10.0

_OPTIONS: tuple[tuple[str, Any], ...] = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # A restarting server is found again at once; commands pause between tries themselves.
    ("grpc.initial_reconnect_backoff_ms", 100),
    # The time that connecting itself may take.
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.max_receive_message_length", 16 << 20),
)
_SERVICE_CONFIG = files("tidings").joinpath("service_config.json").read_text()
#: Without it a slow reader's window grows to megabytes that the server believes delivered.
_STREAM_OPTIONS = (*_OPTIONS, ("grpc.http2.bdp_probe", 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where a command goes and how it gets in."""

    address: str
    api_key: str | None = field(default=None, repr=False)
    configuration: Configuration = field(default_factory=Configuration)
    file: Path | None = None
    """Where the configuration was found; None when there is none."""


def read_settings(*, address: str | None, api_key: str | None, file: Path | None) -> Settings:
    """Takes options and the environment first, then the file, then the default address."""
    file = file or find_configuration(Path.cwd())
    configuration = read_configuration(file) if file else Configuration()
    return Settings(
        address=address or configuration.address or DEFAULT_ADDRESS,
        api_key=api_key or configuration.api_key,
        configuration=configuration,
        file=file,
    )


class Session:
    """What a command has in hand while it runs."""

    def __init__(
        self,
        settings: Settings,
        output: Output,
        channel: grpc.aio.Channel,
        plain_channel: grpc.aio.Channel,
    ) -> None:
        self.settings = settings
        self.output = output
        self.channel = channel
        """Repeats what may be repeated, as the contracts say."""
        self.plain_channel = plain_channel
        """Repeats nothing: for who repeats calls and tells so."""

    @property
    def address(self) -> str:
        """The server's `host:port`."""
        return self.settings.address

    @property
    def configuration(self) -> Configuration:
        """What `cli.toml` says."""
        return self.settings.configuration

    async def ask(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[Request, Response],
        request: Request,
        *,
        timeout: float = CALL_SECONDS,  # noqa: ASYNC109 - becomes the call's deadline
    ) -> Response:
        """Calls with the API key; raises Refused or Unreachable."""
        try:
            return await method(request, metadata=self._credential(), timeout=timeout)
        except grpc.aio.AioRpcError as error:
            raise from_rpc(error, self.address) from None

    def _credential(self) -> Sequence[tuple[str, str]]:
        key = self.settings.api_key
        return [("authorization", f"Bearer {key}")] if key else []


@asynccontextmanager
async def open_session(settings: Settings, output: Output) -> AsyncIterator[Session]:
    """Opens the channel; nothing is sent before the first call."""
    retrying = (*_OPTIONS, ("grpc.service_config", _SERVICE_CONFIG))
    async with (
        grpc.aio.insecure_channel(settings.address, options=retrying) as channel,
        grpc.aio.insecure_channel(settings.address, options=_OPTIONS) as plain_channel,
    ):
        yield Session(settings, output, channel, plain_channel)


@asynccontextmanager
async def open_stream_channel(address: str) -> AsyncIterator[grpc.aio.Channel]:
    """Opens a channel of its own for a stream."""
    async with grpc.aio.insecure_channel(address, options=_STREAM_OPTIONS) as channel:
        yield channel
