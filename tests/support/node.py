"""Node with npm: this machine's when it is new enough, else the one that PyPI has as a wheel."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]

_OLDEST = 20
_CLIENT = REPOSITORY / "tests" / "polyglot" / "node"
_FILES = ("package.json", "package-lock.json", ".npmrc", "buf.gen.yaml", "client.test.mts")


class CommandFailed(Exception):
    """A command ended badly; its output is the message."""


async def run(command: Sequence[str], *, cwd: Path, environ: Mapping[str, str]) -> str:
    """Returns what a command printed; raises CommandFailed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env=dict(environ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    if process.returncode:
        raise CommandFailed(f"{' '.join(command)}: {out.decode()}")
    return out.decode()


async def open_workshop(directory: Path) -> dict[str, str]:
    """Fills a directory with the client's sources, its packages and its stubs; returns the environment to run it in."""
    environ = {**os.environ, "PATH": f"{await _node()}{os.pathsep}{os.environ['PATH']}"}
    for name in _FILES:
        shutil.copy(_CLIENT / name, directory / name)
    await run(["npm", "ci", "--no-audit", "--no-fund"], cwd=directory, environ=environ)
    await run(["scripts/contracts.sh", str(directory)], cwd=REPOSITORY, environ=environ)
    await run(
        [str(REPOSITORY / ".venv" / "bin" / "buf"), "generate"], cwd=directory, environ=environ
    )
    return environ


async def _node() -> Path:
    """Returns the folder of a `node` and an `npm`."""
    found = shutil.which("node")
    if found and shutil.which("npm"):
        version = await run([found, "--version"], cwd=REPOSITORY, environ=os.environ)
        if int(version.removeprefix("v").split(".")[0]) >= _OLDEST:
            return Path(found).parent
    folder = REPOSITORY / "build" / "node"
    if not (folder / "bin" / "npm").exists():
        uv = str(REPOSITORY / ".venv" / "bin" / "uv")
        lock = "requirements/node.lock"
        install = [uv, "pip", "install", "--quiet", "--require-hashes", "-r", lock]
        await run([*install, "--target", str(folder)], cwd=REPOSITORY, environ=os.environ)
    return folder / "bin"
