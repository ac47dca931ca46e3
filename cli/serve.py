"""Hosts services in this process: opens the parts, wires the services, serves, and ends cleanly."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc

import services.access.wiring
import services.dispatch.wiring
import services.inbox.wiring
import services.ingestion.wiring
import services.preference.wiring
import services.template.wiring
import services.tracking.wiring
from cli.garbage import spare_what_lasts
from cli.migrating import refuse_unmigrated
from cli.settings import (
    ProcessSettings,
    check_environ,
    refuse_fleeting_secret,
    refuse_lonely_part,
)
from libs.clock import SystemClock
from libs.cluster_secret import ClusterSecrets
from libs.config import Environ, SettingError
from libs.embedded.data_directory import DataDirectory, open_data_directory
from libs.embedded.parts import open_parts
from libs.embedded.smtp_sink import open_smtp_sink
from libs.identity.authenticator import Authenticator
from libs.messaging.broker import Broker
from libs.messaging.memory import MemoryBroker
from libs.messaging.rabbitmq import RabbitBroker
from libs.rpc.channel import open_channel
from libs.rpc.pipeline import MAX_REQUEST_BYTES, ClusterGate, PublicGate
from libs.rpc.server import Server
from libs.runtime.host import Host
from libs.runtime.loops import Loops
from libs.runtime.redis import open_redis
from libs.telemetry.setup import open_telemetry
from tidings.internal.access.v1.credential_service_pb2_grpc import CredentialServiceStub

_log = logging.getLogger(__name__)

_SERVICES: dict[str, Callable[[AsyncExitStack, Host], Awaitable[None]]] = {
    "access": services.access.wiring.open_service,
    "template": services.template.wiring.open_service,
    "preference": services.preference.wiring.open_service,
    "inbox": services.inbox.wiring.open_service,
    "tracking": services.tracking.wiring.open_service,
    "dispatch": services.dispatch.wiring.open_service,
    "ingestion": services.ingestion.wiring.open_service,
}
SERVICE_NAMES = tuple(_SERVICES)

_GRACE_SECONDS = 5.0
ENDS_WITHIN_SECONDS = 60.0
"""When a process that was told to stop is gone at the latest."""


class AddressTaken(Exception):
    """Another program listens there."""

    def __init__(self, address: str) -> None:
        super().__init__(f"{address} is taken by another program; choose another with --listen")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """What to serve, and where."""

    services: tuple[str, ...] = ()
    """Names of services; empty for all."""
    data_directory: Path = Path(".tidings")
    """Where the embedded parts keep their data."""
    listen: str = "127.0.0.1:50051"
    """Address for users' clients; port 0 for a free one."""
    internal_listen: str = "127.0.0.1:0"
    """Address for the other services."""
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A served cluster, or a part of one."""

    public_address: str
    internal_address: str
    cluster_secret: str = field(repr=False)
    mail_directory: Path | None
    """Where the embedded mail sink keeps mails; None when there is none."""
    metrics_address: str
    """Where Prometheus scrapes; empty without TIDINGS_METRICS_ADDRESS."""


@asynccontextmanager
async def open_cluster(options: ServeOptions) -> AsyncIterator[Cluster]:
    """Serves until the context is left.

    Raises AddressTaken, SettingError, or an error of libs.embedded, each a sentence for the operator.
    """
    names = options.services or SERVICE_NAMES
    _refuse_unknown(names)
    environ = check_environ(options.environ, names)
    settings = ProcessSettings.from_environ(Environ(environ))
    if set(names) != set(SERVICE_NAMES):
        refuse_lonely_part(environ, names, SERVICE_NAMES)
    refuse_fleeting_secret(settings)
    # Known before anything is started.
    _refuse_taken(options.listen)
    async with AsyncExitStack() as stack:
        metrics_address = stack.enter_context(open_telemetry(Environ(environ), names))
        parts = await _open_parts(stack, options, names, settings, environ)
        # Before anything else, a database that does not answer is said in a sentence.
        await refuse_unmigrated(() if settings.migrate else names, parts.database_url)
        loops = Loops()
        draining = asyncio.Event()
        internal = Server(ClusterGate(parts.cluster_secrets))
        internal_address = _bind(internal, options.internal_listen)
        # After the services, which finish what is in hand by asking one another.
        stack.push_async_callback(internal.stop, _GRACE_SECONDS)
        peers = await _open_peers(stack, parts.cluster_secrets.current, internal_address, settings)
        gate = PublicGate(Authenticator(CredentialServiceStub(peers["access"])))
        public = Server(gate, max_request_bytes=MAX_REQUEST_BYTES)
        public_address = _bind(public, options.listen)
        host = Host(
            environ=Environ(environ),
            database_url=parts.database_url,
            redis=await stack.enter_async_context(open_redis(parts.redis_url)),
            broker=parts.broker,
            clock=SystemClock(),
            cluster_secrets=parts.cluster_secrets,
            public=public,
            internal=internal,
            peer=peers.__getitem__,
            loops=loops,
            draining=draining,
            sole=parts.sole,
        )
        for name in SERVICE_NAMES:
            if name in names:
                await _SERVICES[name](stack, host)
        stack.push_async_callback(_stop, host)
        await internal.start()
        await public.start()
        loops.start()
        yield Cluster(
            public_address=public_address,
            internal_address=internal_address,
            cluster_secret=parts.cluster_secrets.current,
            mail_directory=parts.mail_directory,
            metrics_address=metrics_address,
        )


async def serve_until_signal(options: ServeOptions) -> None:
    """Serves until SIGINT or SIGTERM, then ends cleanly."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with open_cluster(options) as cluster:
        spare_what_lasts()
        _log.info("serving", extra={"address": cluster.public_address})
        await stopped.wait()
        # Whatever hangs, the process ends: what it has in hand comes back as after any death.
        loop.call_later(ENDS_WITHIN_SECONDS, os._exit, 1)


async def _stop(host: Host) -> None:
    """Streams are told and calls end before the loops do; the services' own parts close after."""
    host.draining.set()
    await host.public.drain()
    await host.public.stop(_GRACE_SECONDS)
    await host.loops.stop()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    database_url: str
    redis_url: str
    broker: Broker
    cluster_secrets: ClusterSecrets
    mail_directory: Path | None
    sole: bool


async def _open_parts(
    stack: AsyncExitStack,
    options: ServeOptions,
    names: tuple[str, ...],
    settings: ProcessSettings,
    environ: dict[str, str],
) -> _Parts:
    """Opens what the environment does not name."""
    directory = await stack.enter_async_context(open_data_directory(options.data_directory))
    embedded = await stack.enter_async_context(
        open_parts(directory, postgres=not settings.database_url, valkey=not settings.redis_url)
    )
    mail_directory = None
    if "dispatch" in names and not environ.get("TIDINGS_SMTP_URL"):
        mail_directory = directory.folder("mail")
        sink = await stack.enter_async_context(open_smtp_sink(mail_directory))
        environ["TIDINGS_SMTP_URL"] = sink.url
    return _Parts(
        database_url=settings.database_url or embedded.database_url,
        redis_url=settings.redis_url or embedded.redis_url,
        broker=await _open_broker(stack, settings.amqp_url),
        cluster_secrets=ClusterSecrets(
            settings.cluster_secret or _cluster_secret(directory), settings.cluster_secret_other
        ),
        mail_directory=mail_directory,
        # The lock speaks for the database only if the database lives in the directory.
        sole=not settings.database_url,
    )


async def _open_broker(stack: AsyncExitStack, url: str) -> Broker:
    if not url:
        return MemoryBroker()
    broker = RabbitBroker(url, name="tidings")
    stack.push_async_callback(broker.close)
    return broker


async def _open_peers(
    stack: AsyncExitStack, secret: str, own_address: str, settings: ProcessSettings
) -> dict[str, grpc.aio.Channel]:
    """Opens a channel to each service: here, or where `TIDINGS_<SERVICE>_ADDRESS` says."""
    own = await stack.enter_async_context(open_channel(own_address, cluster_secret=secret))
    peers = dict.fromkeys(SERVICE_NAMES, own)
    for name in SERVICE_NAMES:
        if address := settings.address(name):
            peers[name] = await stack.enter_async_context(
                open_channel(address, cluster_secret=secret)
            )
    return peers


def _refuse_unknown(names: tuple[str, ...]) -> None:
    unknown = [name for name in names if name not in _SERVICES]
    if unknown:
        raise SettingError(f"there is no service {unknown[0]}; there are {', '.join(_SERVICES)}")


def _refuse_taken(address: str) -> None:
    host, _, port = address.rpartition(":")
    try:
        socket.create_server((host, int(port))).close()
    except ValueError:
        raise SettingError(f"{address!r} is no address; write host:port") from None
    except OSError:
        raise AddressTaken(address) from None


def _bind(server: Server, address: str) -> str:
    host, _, port = address.rpartition(":")
    try:
        return f"{host}:{server.bind(address)}"
    except RuntimeError:
        raise AddressTaken(f"{host}:{port}") from None


def _cluster_secret(directory: DataDirectory) -> str:
    path = directory.path / "cluster.secret"
    if not path.exists():
        path.touch(mode=0o600)
    if not path.read_text():
        path.write_text(secrets.token_urlsafe(32))
    return path.read_text()
