"""A RabbitMQ for tests: one that was named, or a node of our own that may be killed.

Never somebody's broker on this machine unasked: a node of ours has its own ports, data, cookie and
password, and is gone when the test process is, however that ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from libs.embedded.ports import HOST
from tests.support.eventually import eventually
from tests.support.ports import free_port

_SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
_READY_SECONDS = 60
_IMAGE = "rabbitmq:3.13"
_INSTALLED = (
    "/usr/lib/rabbitmq/lib/rabbitmq_server-*",
    "/opt/homebrew/opt/rabbitmq",
    "/usr/local/opt/rabbitmq",
)
_HOW = (
    "no RabbitMQ for the tests. Any one of these will do: set TIDINGS_TEST_AMQP_URL to a broker that"
    " tests may use; install rabbitmq-server (a node of its own is started, the system's is left"
    " alone); have apt-get and dpkg, which unpack it without root; have Docker running."
)
_CONFIGURATION = """\
listeners.tcp.default = {host}:{port}
default_user = tidings
default_pass = {password}
disk_free_limit.absolute = 50MB
log.console.level = warning
"""


class NoRabbitMQ(Exception):
    """There is no way to have a broker here; the text names all that there are."""


class BrokerNode(Protocol):
    """A broker as tests see it."""

    @property
    def url(self) -> str:
        """Where it listens; stays the same over its deaths."""

    @property
    def ours(self) -> bool:
        """Whether it may be killed, and its connections closed."""

    async def start(self) -> None:
        """Starts it, with the data that it had; returns when it answers."""

    async def kill(self) -> None:
        """Kill -9."""

    async def freeze(self) -> None:
        """Stops it in its tracks: connections stay open and nothing answers."""

    async def thaw(self) -> None:
        """Lets it go on."""

    async def close_connections(self) -> None:
        """Has the broker close all connections."""


@dataclass(frozen=True, slots=True)
class NamedBroker:
    """The broker that `TIDINGS_TEST_AMQP_URL` names. It is not ours to kill."""

    url: str
    ours: bool = False

    async def start(self) -> None:
        """It runs."""

    async def kill(self) -> None:
        """Refused."""
        raise NoRabbitMQ("the broker of TIDINGS_TEST_AMQP_URL is not ours to kill")

    async def freeze(self) -> None:
        """Refused."""
        raise NoRabbitMQ("the broker of TIDINGS_TEST_AMQP_URL is not ours to stop")

    async def thaw(self) -> None:
        """It was never frozen."""

    async def close_connections(self) -> None:
        """Refused."""
        raise NoRabbitMQ("the connections to TIDINGS_TEST_AMQP_URL are not ours to close")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Programs:
    server: Path
    """The folder with `sbin/rabbitmq-server`, of any version."""
    erlang: str
    """The folder with `erl`."""


@dataclass(slots=True, kw_only=True)
class _Node:
    """RabbitMQ's own programs, as a node that shares nothing with others on this machine."""

    programs: _Programs
    folder: Path
    port: int = field(default_factory=free_port)
    distribution_port: int = field(default_factory=free_port)
    password: str = field(default_factory=lambda: secrets.token_hex(12))
    ours: bool = True
    process: subprocess.Popen[bytes] | None = None
    watcher: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"amqp://tidings:{self.password}@{HOST}:{self.port}/"

    async def start(self) -> None:
        self._write_configuration()
        self.process = self._spawn()
        self.watcher = _kill_when_we_die(f"kill -s KILL -- -{self.process.pid}")
        await _until_ready(self.port, self._has_ended, str(self.folder / "server.log"))

    async def kill(self) -> None:
        # The watcher first: it must not outlive the group whose number it knows.
        _dismiss(self.watcher)
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            await asyncio.to_thread(self.process.wait)
            await _group_gone(self.process.pid)
            self.process = None

    async def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    async def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    async def close_connections(self) -> None:
        await self.control("close_all_connections", "closed by a test")

    async def control(self, *arguments: str) -> str:
        """Runs rabbitmqctl on this node; returns what it says."""
        return await _run(
            str(self.programs.server / "sbin" / "rabbitmqctl"),
            "--quiet",
            *arguments,
            environment=self._environment(),
        )

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, number)

    def _spawn(self) -> subprocess.Popen[bytes]:
        with (self.folder / "server.log").open("ab") as log:
            return subprocess.Popen(
                [str(self.programs.server / "sbin" / "rabbitmq-server")],
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A group of its own: killed as a whole, and deaf to the terminal's Ctrl-C.
                start_new_session=True,
            )

    def _has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def _write_configuration(self) -> None:
        (self.folder / "home").mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.folder / "enabled_plugins").write_text("[].")
        (self.folder / "rabbitmq.conf").write_text(
            _CONFIGURATION.format(host=HOST, port=self.port, password=self.password)
        )

    def _environment(self) -> dict[str, str]:
        # Nothing of a system's own node: no environment file, no cookie of anybody's home, no epmd.
        no_epmd = f"-start_epmd false -erl_epmd_port {self.distribution_port}"
        return {
            "PATH": f"{self.programs.erlang}:{os.environ.get('PATH', os.defpath)}",
            "HOME": str(self.folder / "home"),
            "LC_ALL": "C.UTF-8",
            "RABBITMQ_HOME": str(self.programs.server),
            # The name is the node's identity in its data; the port makes it unique here.
            "RABBITMQ_NODENAME": f"tidings{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_PLUGINS_DIR": str(self.programs.server / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "none"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            # Idle schedulers must not spin: the tests want the processor too.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                f"{no_epmd} -kernel inet_dist_use_interface {{127,0,0,1}} +sbwt none"
            ),
            "RABBITMQ_CTL_ERL_ARGS": f"{no_epmd} -dist_listen false",
        }


@dataclass(slots=True, kw_only=True)
class _Container:
    """RabbitMQ in a container."""

    name: str = field(default_factory=lambda: f"tidings-test-{secrets.token_hex(6)}")
    port: int = field(default_factory=free_port)
    password: str = field(default_factory=lambda: secrets.token_hex(12))
    ours: bool = True
    watcher: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"amqp://tidings:{self.password}@{HOST}:{self.port}/"

    async def start(self) -> None:
        if self.watcher is None:
            self.watcher = _kill_when_we_die(f"docker rm --force --volumes {self.name}")
            options = ["--detach", "--name", self.name, "--hostname", "tidings"]
            options += ["--publish", f"{HOST}:{self.port}:5672"]
            options += ["--env", "RABBITMQ_DEFAULT_USER=tidings"]
            options += ["--env", f"RABBITMQ_DEFAULT_PASS={self.password}"]
            await _run("docker", "run", *options, _IMAGE)
        else:
            await _run("docker", "start", self.name)
        await _until_ready(self.port, lambda: False, f"docker logs {self.name}")

    async def kill(self) -> None:
        await _run("docker", "kill", "--signal", "KILL", self.name)

    async def freeze(self) -> None:
        await _run("docker", "pause", self.name)

    async def thaw(self) -> None:
        await _run("docker", "unpause", self.name)

    async def close_connections(self) -> None:
        await _run(
            "docker", "exec", self.name, "rabbitmqctl", "close_all_connections", "closed by a test"
        )

    async def remove(self) -> None:
        _dismiss(self.watcher)
        await _run("docker", "rm", "--force", "--volumes", self.name)


@asynccontextmanager
async def open_broker_node(folder: Path) -> AsyncIterator[BrokerNode]:
    """Gives a running broker whose data, if it is ours, lies in `folder`; raises NoRabbitMQ."""
    if url := os.environ.get("TIDINGS_TEST_AMQP_URL"):
        yield NamedBroker(url)
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    programs = _installed() or await _unpacked()
    if programs is not None:
        node = _Node(programs=programs, folder=folder)
        try:
            await node.start()
            yield node
        finally:
            await node.kill()
        return
    if not await _has_docker():
        raise NoRabbitMQ(_HOW)
    container = _Container()
    try:
        await container.start()
        yield container
    finally:
        await container.remove()


def _installed() -> _Programs | None:
    erlang = shutil.which("erl")
    for pattern in _INSTALLED if erlang else ():
        for server in sorted(Path("/").glob(pattern.lstrip("/")), reverse=True):
            if (server / "sbin" / "rabbitmq-server").exists():
                return _Programs(server=server, erlang=str(Path(str(erlang)).parent))
    return None


async def _unpacked() -> _Programs | None:
    """Unpacks Debian's packages, once for this user."""
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        return None
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "tidings" / "rabbitmq"
    try:
        await _run(str(_SCRIPTS / "rabbitmq_unpack.sh"), str(folder))
    except NoRabbitMQ:
        return None
    servers = sorted(folder.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*"))
    if not servers:
        return None
    return _Programs(server=servers[-1], erlang=str(folder / "usr/lib/erlang/bin"))


async def _has_docker() -> bool:
    if shutil.which("docker") is None:
        return False
    try:
        await _run("docker", "info")
    except NoRabbitMQ:
        return False
    return True


async def _run(*command: str, environment: dict[str, str] | None = None) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate()
    if process.returncode:
        raise NoRabbitMQ(f"{' '.join(command)}: {(complained or said).decode(errors='replace')}")
    return said.decode(errors="replace")


async def _until_ready(port: int, has_ended: Callable[[], bool], log: str) -> None:
    async def ready() -> bool:
        if has_ended():
            raise NoRabbitMQ(f"the test broker ended; see {log}")
        return await _greets(port)

    try:
        await eventually(ready, within=_READY_SECONDS)
    except TimeoutError:
        raise NoRabbitMQ(f"the test broker does not answer; see {log}") from None


async def _group_gone(group: int) -> None:
    """Waits for the last of a killed group: only then are its ports and files free."""

    def gone() -> bool:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        return False

    await eventually(gone, within=_READY_SECONDS)


async def _greets(port: int) -> bool:
    """Says whether an AMQP server begins a conversation there."""
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(b"AMQP\x00\x00\x09\x01")
                return bool(await reader.read(1))
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


def _kill_when_we_die(command: str) -> subprocess.Popen[bytes]:
    """Has `command` run as soon as this process is gone: then nobody holds the pipe any more."""
    return subprocess.Popen(
        ["/bin/sh", "-c", f"read -r _; {command}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _dismiss(watcher: subprocess.Popen[bytes] | None) -> None:
    if watcher is not None and watcher.stdin is not None:
        watcher.kill()
        watcher.wait()
        watcher.stdin.close()
