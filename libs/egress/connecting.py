"""Connects to what was checked: the address that is dialled is one that passed, and no other."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

import certifi
import httpcore

from libs.egress.addresses import check_addresses
from libs.egress.policy import EgressPolicy
from libs.egress.urls import Target

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Returns all addresses of a name for a port; raises OSError when it has none."""

_MOST_ADDRESSES = 4
# So that an address that swallows packets leaves time for the next one.
_CONNECT_SECONDS = 3.0


class SystemResolver:
    """Asks the machine's resolver, in threads of its own: names that answer slowly hold up no other work."""

    def __init__(self, *, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="egress-resolver")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def __call__(self, host: str, port: int) -> list[str]:
        """See `Resolve`."""
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._look_up, host, port
        )
        return list(dict.fromkeys(found))

    def _look_up(self, host: str, port: int) -> list[str]:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [str(answer[4][0]) for answer in answers]


class GuardedDialer:
    """Opens connections to targets. Asks for a name anew each time, and asks once: there is no second
    answer that could differ from the one that was checked."""

    def __init__(
        self, policy: EgressPolicy, *, resolve: Resolve, tls: ssl.SSLContext | None = None
    ) -> None:
        self._policy = policy
        self._resolve = resolve
        self._tls = tls or tls_context()
        self._backend = httpcore.AnyIOBackend()

    async def dial(self, target: Target) -> httpcore.AsyncNetworkStream:
        """Returns a connection, with TLS for `https`: certificate and SNI are of the target's name.

        Raises EgressRefused, OSError when the name does not resolve, or an error of httpcore.
        """
        answers = [target.host] if target.literal else await self._resolve(target.host, target.port)
        addresses = check_addresses(answers, self._policy.networks)[:_MOST_ADDRESSES]
        if not addresses:
            raise OSError("the name has no address")
        stream = await self._connect(addresses, target.port)
        if target.scheme == "http":
            return stream
        try:
            return await stream.start_tls(self._tls, server_hostname=target.host)
        except BaseException:
            await stream.aclose()
            raise

    async def _connect(self, addresses: list[str], port: int) -> httpcore.AsyncNetworkStream:
        *others, last = addresses
        for address in others:
            try:
                return await self._backend.connect_tcp(address, port, timeout=_CONNECT_SECONDS)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._backend.connect_tcp(last, port, timeout=_CONNECT_SECONDS)


def tls_context(ca_file: str = "") -> ssl.SSLContext:
    """Returns TLS by the machine's authorities, Mozilla's, and those of a file."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(certifi.where())
    if ca_file:
        context.load_verify_locations(ca_file)
    return context
