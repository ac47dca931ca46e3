"""What README and the pages for clients print works as printed."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from cli.serve import Cluster
from tests.support.api import Api
from tests.support.node import REPOSITORY, run

ARRIVED = re.compile(
    r"accepted [0-9a-f-]{36}\n"
    r"arrived  Order 47\n"
    r"refused  INVALID_FIELD\n"
    r"  category: must be .*\n"
    r"  template: value is required\n"
)


def _block(path: str, language: str, containing: str) -> str:
    """Returns the one block of a page that says something."""
    page = (REPOSITORY / path).read_text()
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
    [block] = [block for block in blocks if containing in block]
    return block


@pytest.fixture
def checkout(tmp_path: Path, cluster: Cluster, api: Api) -> Path:
    """Where `make run` has written its key."""
    (tmp_path / ".venv").symlink_to(REPOSITORY / ".venv")
    (tmp_path / ".tidings").mkdir()
    (tmp_path / ".tidings" / "cli.toml").write_text(
        f'address = "{cluster.public_address}"\napi_key = "{api.key}"\n'
    )
    return tmp_path


async def test_the_readme_calls_without_a_program(
    checkout: Path, cluster: Cluster, api: Api
) -> None:
    await api.seed()
    lines = _block("README.md", "sh", "buf curl").replace("127.0.0.1:50051", cluster.public_address)
    told = await run(["bash", "-euc", lines], cwd=checkout, environ=os.environ)
    assert "tidings.ingestion.v1.IngestionService/SendNotification\n" in told
    assert '"state": "NOTIFICATION_STATE_ACCEPTED"' in told


async def test_the_readme_calls_from_python(checkout: Path, api: Api) -> None:
    await api.seed()
    program = _block("README.md", "python", "SendNotificationRequest")
    told = await run([sys.executable, "-c", program], cwd=checkout, environ=os.environ)
    assert re.fullmatch(r"[0-9a-f-]{36}\n", told)


async def test_the_python_page(tmp_path: Path, cluster: Cluster, api: Api) -> None:
    await api.seed()
    contracts = tmp_path / "contracts"
    await run(["scripts/contracts.sh", str(contracts)], cwd=REPOSITORY, environ=os.environ)
    # The environment of the page, which would otherwise be installed, is ours.
    (tmp_path / ".venv").symlink_to(REPOSITORY / ".venv")
    generate = _block("docs/clients/python.md", "sh", "grpc_tools.protoc")
    lines = [line for line in generate.splitlines() if "venv .venv" not in line]
    lines = [line for line in lines if "pip install" not in line]
    script = "\n".join(lines).replace("CONTRACTS", str(contracts))
    await run(["bash", "-euc", script], cwd=tmp_path, environ=os.environ)
    (tmp_path / "first.py").write_text(
        _block("docs/clients/python.md", "python", "SendNotificationRequest")
    )
    environ = {
        **os.environ,
        "CONTRACTS": str(contracts),
        "TIDINGS_ADDRESS": cluster.public_address,
        "TIDINGS_API_KEY": api.key,
    }
    told = await run([sys.executable, "first.py"], cwd=tmp_path, environ=environ)
    assert ARRIVED.fullmatch(told), told
