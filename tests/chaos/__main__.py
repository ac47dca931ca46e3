"""`python -m tests.chaos`: runs the seeds, prints a table, and fails if anything was violated."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path

# This process forks service processes while it speaks gRPC; it never calls gRPC in a fork.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

SEEDS = 6


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="only this one, as a failing run names it")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument(
        "--mutants", action="store_true", help="see that broken versions are caught"
    )
    parser.add_argument("--mutant", help="only this one")
    parser.add_argument("--keep", action="store_true", help="leave the folder with logs behind")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    logging.getLogger("tests.chaos").setLevel(logging.INFO)
    for noisy in ("libs", "aio_pika", "aiormq", "mail.log", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    folder = Path(tempfile.mkdtemp(prefix="tidings-chaos-"))
    failed = True
    try:
        failed = not asyncio.run(_chosen(options, folder))
    finally:
        if failed or options.keep:
            logging.getLogger("tests.chaos").error("logs and mails are in %s", folder)
        else:
            shutil.rmtree(folder)
    return int(failed)


async def _chosen(options: argparse.Namespace, folder: Path) -> bool:
    from tests.chaos.report import run_and_report

    if options.mutants or options.mutant:
        from tests.chaos.scenarios import run_mutants

        return await run_mutants(folder, only=options.mutant)
    seeds = (
        range(options.first, options.first + options.seeds)
        if options.seed is None
        else [options.seed]
    )
    return await run_and_report(folder, seeds, whole=options.seed is None)


if __name__ == "__main__":
    sys.exit(main())
