"""docker-compose.yml without containers: its Tidings services as plain processes, as it says them.

Nothing is added to what the file gives a service. Host names become ports of this machine, mounted
secrets become files, and a service's own folder becomes one in the test's.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import yaml
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from libs.embedded.kernel import die_with_parent
from libs.embedded.ports import HOST
from tests.support.eventually import eventually
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "tidings"
_BIN = Path(sys.executable).parent
_READY_SECONDS = 90
_SECONDS = re.compile(r"(\d+)s")


class DoesNotStart(Exception):
    """A service ended instead of serving; the text is the end of what it said."""


def read_compose() -> dict[str, Any]:
    """Returns the file, with its anchors resolved."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return found


def services_of(compose: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns the Tidings services by name, without those that run once and end."""
    return {
        name: service
        for name, service in compose["services"].items()
        if service["image"] == IMAGE and service["command"][0] == "serve"
    }


def stop_seconds(service: Mapping[str, Any]) -> float:
    """Returns how long the file gives a service to stop."""
    found = _SECONDS.fullmatch(service["stop_grace_period"])
    assert found, service["stop_grace_period"]
    return float(found[1])


@dataclass(slots=True, kw_only=True)
class Places:
    """Where on this machine the hosts of the file are."""

    parts: Mapping[str, str]
    """Authority (`user:password@host:port`) of a part by the `host:port` that the file calls it."""
    folder: Path
    secrets: Path
    """Folder of what `deploy/secrets.sh` drew."""
    services: list[str]
    ports: dict[str, int] = field(default_factory=dict)

    def port(self, authority: str) -> int:
        """Gives the port that stands for `host:port`."""
        return self.ports.setdefault(authority, free_port())

    def mapped(self, text: str) -> str:
        """Returns `text` with every part and every service where it is here."""
        for authority, here in self.parts.items():
            text = re.sub(rf"(?<=/)([^/@\s]*@)?{re.escape(authority)}\b", here, text)
        for name in self.services:
            text = re.sub(rf"\b{name}:\d+\b", lambda found: f"{HOST}:{self.port(found[0])}", text)
        return text

    def envoy_configuration(self, door: str) -> str:
        """Returns deploy/envoy.yaml with its listener at `door` and the services where they are."""
        configuration = yaml.safe_load((ROOT / "deploy" / "envoy.yaml").read_text())
        for socket in _sockets(configuration):
            address = f"{socket['address']}:{socket['port_value']}"
            if socket["address"] in self.services:
                port = self.port(address)
            else:
                port = int(door.rpartition(":")[2]) if address == "0.0.0.0:8080" else free_port()
            socket.update(address=HOST, port_value=port)
        return json.dumps(configuration)


def _sockets(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict) and "socket_address" in node:
        yield node["socket_address"]
    elif isinstance(node, dict | list):
        for inner in node.values() if isinstance(node, dict) else node:
            yield from _sockets(inner)


class ComposeService:
    """A Tidings service of the file."""

    def __init__(self, name: str, service: Mapping[str, Any], places: Places) -> None:
        self.name = name
        self._service = service
        self._places = places
        self._folder = places.folder / name
        self._log = places.folder / f"{name}.log"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def public_address(self) -> str:
        """Where the service's public listener is here."""
        return f"{HOST}:{self._places.port(f'{self.name}:50051')}"

    @property
    def metrics_address(self) -> str:
        """Where it is scraped."""
        return self.environ()["TIDINGS_METRICS_ADDRESS"]

    def environ(self) -> dict[str, str]:
        """Returns exactly the file's environment, placed here."""
        return {
            variable: self._placed(str(value))
            for variable, value in self._service["environment"].items()
        }

    async def start(self) -> None:
        """Starts it; see `ready`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                str(_BIN / "tidings"),
                *self._service["command"],
                env={"PATH": os.defpath, **self.environ()},
                cwd=self._folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=partial(die_with_parent, signal.SIGKILL, os.getpid()),
            )

    async def ready(self) -> None:
        """Returns when grpc.health.v1 says SERVING; raises DoesNotStart when the process ends."""
        async with grpc.aio.insecure_channel(self.public_address) as channel:
            await eventually(lambda: self._serves(channel), within=_READY_SECONDS)

    async def wait(self) -> int:
        """Waits for its end; returns the exit code."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self) -> tuple[int, float]:
        """Sends SIGTERM; returns the exit code and after how many seconds it was gone."""
        assert self._process is not None
        began = time.monotonic()
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(stop_seconds(self._service)):
                code = await self._process.wait()
        except TimeoutError:
            await self.kill()
            code = -signal.SIGKILL
        return code, time.monotonic() - began

    async def kill(self) -> None:
        """Kill -9 of what still runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def said(self) -> str:
        """Returns the end of its output."""
        return self._log.read_text(errors="replace")[-2000:]

    async def _serves(self, channel: grpc.aio.Channel) -> bool:
        assert self._process is not None
        if self._process.returncode is not None:
            raise DoesNotStart(f"{self.name} ended with {self._process.returncode}: {self.said()}")
        try:
            # Its types know servicers only.
            check = HealthStub(channel).Check  # type: ignore[attr-defined]
            answer = await check(HealthCheckRequest(), timeout=2)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == HealthCheckResponse.SERVING)

    def _placed(self, value: str) -> str:
        if value.startswith("/run/secrets/"):
            return self._secret(Path(value).name)
        if value.startswith("/run/"):
            return str(self._folder / Path(value).name)
        # It listens where the others will look for it.
        listen = re.sub(r"^0\.0\.0\.0:", f"{self.name}:", value)
        return self._places.mapped(listen)

    def _secret(self, name: str) -> str:
        assert name in self._service["secrets"], f"{self.name} does not mount {name}"
        file = self._folder / name
        file.write_text(self._places.mapped((self._places.secrets / name).read_text()))
        return str(file)
