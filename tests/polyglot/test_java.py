"""The page for Java works as printed, with Debian's packages in the place of Maven's repository."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from cli.serve import Cluster
from tests.support.api import Api
from tests.support.node import REPOSITORY, CommandFailed, run

pytestmark = pytest.mark.timeout(300)

_NEEDED = ("java", "javac", "apt-get", "apt-cache", "dpkg")


@pytest.fixture(scope="module")
async def grpc_java() -> Path:
    """Where gRPC for Java is unpacked, once for this user."""
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if missing:
        pytest.skip(f"docs/clients/java.md is not tested: this machine has no {missing[0]}")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "tidings" / "grpc-java"
    try:
        await run(["scripts/grpc_java_unpack.sh", str(folder)], cwd=REPOSITORY, environ=os.environ)
    except CommandFailed as error:
        pytest.skip(f"docs/clients/java.md is not tested: no packages of Debian ({error})")
    return folder


async def _generate(directory: Path, contracts: Path, template: str) -> None:
    (directory / "buf.gen.yaml").write_text(template.replace("CONTRACTS", str(contracts)))
    buf = str(REPOSITORY / ".venv" / "bin" / "buf")
    await run([buf, "generate"], cwd=directory, environ=os.environ)


async def test_the_page_works_as_printed(
    grpc_java: Path, tmp_path: Path, cluster: Cluster, api: Api
) -> None:
    await api.seed()
    contracts = tmp_path / "contracts"
    await run(["scripts/contracts.sh", str(contracts)], cwd=REPOSITORY, environ=os.environ)
    page = (REPOSITORY / "docs" / "clients" / "java.md").read_text()
    [template] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    [program] = re.findall(r"```java\n(.*?)```", page, re.DOTALL)
    (tmp_path / "tools").symlink_to(grpc_java / "bin")
    # Debian has no jar with Google's details of errors.
    await _generate(tmp_path, contracts, re.sub(r"paths: .*", "paths: [google/rpc]", template))
    await _generate(tmp_path, contracts, template)
    source = tmp_path / "src" / "main" / "java"
    (source / "First.java").write_text(program)
    jars = str(grpc_java / "usr" / "share" / "java" / "*")
    javac = ["javac", "-nowarn", "-proc:none", "-sourcepath", str(source), "-cp", jars]
    await run(
        [*javac, "-d", "classes", str(source / "First.java")], cwd=tmp_path, environ=os.environ
    )
    environ = {
        **os.environ,
        "CONTRACTS": str(contracts),
        "TIDINGS_ADDRESS": cluster.public_address,
        "TIDINGS_API_KEY": api.key,
    }
    told = await run(
        ["java", "-cp", f"classes{os.pathsep}{jars}", "First"], cwd=tmp_path, environ=environ
    )
    assert re.fullmatch(
        r"accepted [0-9a-f-]{36}\n"
        r"arrived  Order 49\n"
        r"refused  INVALID_FIELD\n"
        r"  category: must be .*\n"
        r"  template: value is required\n",
        told,
    ), told
