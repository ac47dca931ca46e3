"""A client in TypeScript, generated from the public contracts, against a real cluster."""

from __future__ import annotations

import re
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.serve import Cluster
from tests.polyglot.newer_server import FIXTURES
from tests.support.api import Api
from tests.support.node import REPOSITORY, CommandFailed, open_workshop, run

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where a client has been generated."""

    directory: Path
    environ: dict[str, str]

    async def run(self, command: list[str], cluster: Cluster, api: Api) -> str:
        """Runs a program with address and key in its environment; returns what it printed."""
        environ = {
            **self.environ,
            "TIDINGS_ADDRESS": cluster.public_address,
            "TIDINGS_API_KEY": api.key,
            "FIXTURES": str(FIXTURES),
        }
        return await run(command, cwd=self.directory, environ=environ)


@pytest.fixture(scope="module")
async def workshop() -> AsyncIterator[Workshop]:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        yield Workshop(directory, await open_workshop(directory))


async def test_the_client_does_what_its_user_needs(
    workshop: Workshop, cluster: Cluster, api: Api
) -> None:
    await api.seed()
    told = await workshop.run(
        ["node", "--import", "tsx", "--test", "--test-reporter=spec", "client.test.mts"],
        cluster,
        api,
    )
    assert re.search(r"\bpass 6\b", told), told


async def test_a_wrong_expectation_fails(workshop: Workshop, cluster: Cluster, api: Api) -> None:
    # The run above must be able to fail: here nothing is seeded.
    with pytest.raises(CommandFailed, match="there is no template"):
        await workshop.run(["node", "--import", "tsx", "--test", "client.test.mts"], cluster, api)


async def test_the_page_works_as_printed(workshop: Workshop, cluster: Cluster, api: Api) -> None:
    await api.seed()
    page = (REPOSITORY / "docs" / "clients" / "typescript.md").read_text()
    [program] = re.findall(r"```ts\n(.*?)```", page, re.DOTALL)
    (workshop.directory / "first.mts").write_text(program)
    told = await workshop.run(["node_modules/.bin/tsx", "first.mts"], cluster, api)
    assert re.fullmatch(
        r"accepted [0-9a-f-]{36}\n"
        r"arrived  Order 45\n"
        r"refused  INVALID_FIELD\n"
        r"  category: must be .*\n"
        r"  template: value is required\n",
        told,
    ), told
