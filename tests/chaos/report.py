"""Runs seeds one after another on one cluster and tells what came of them."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.chaos.cluster import open_cluster
from tests.chaos.run import Outcome, run_calm, run_seed

_log = logging.getLogger(__name__)

# What a whole run must have hit; less of it would prove less.
_DEMANDED = {"kill": 20, "broker kill": 3, "freeze": 2, "database outage": 1, "purge": 1}
_COLUMNS = (
    "seed",
    "sends",
    "OK",
    "mails",
    "items",
    "kills D/I",
    "broker",
    "closed",
    "freeze",
    "db",
    "purge",
    "in doubt",
    "doubled",
    "LOST",
    "GHOST",
    "DUPL",
    "STUCK",
    "FEED",
    "drain",
    "time",
)


async def run_and_report(folder: Path, seeds: Sequence[int], *, whole: bool) -> bool:
    """Returns whether all held."""
    begun = time.monotonic()
    console = Console(width=160, highlight=False)
    outcomes: list[Outcome] = []
    running = "calm"
    try:
        async with open_cluster(folder) as cluster:
            _log.info("cluster is up after %.0f s", time.monotonic() - begun)
            if whole:
                outcomes.append(await run_calm(cluster))
            for seed in seeds:
                running = str(seed)
                _log.info("seed %s", running)
                outcomes.append(await run_seed(cluster, seed))
    except Exception as error:  # noqa: BLE001 - what was seen until then is worth telling
        _log.exception("the run broke")
        console.print(f"seed {running} broke off: {error!r}; {_again(running)}")
        whole = broke = True
    else:
        broke = False
    if outcomes:
        console.print(_table(outcomes, time.monotonic() - begun))
    return _judge(console, outcomes, whole=whole) and not broke


def _again(name: str) -> str:
    return f"again with: make chaos{f' SEED={name}' if name.isdigit() else ''}"


def _judge(console: Console, outcomes: Sequence[Outcome], *, whole: bool) -> bool:
    held = True
    for outcome in outcomes:
        if not outcome.verdict.violations:
            continue
        held = False
        for violation in outcome.verdict.violations[:20]:
            console.print(f"seed {outcome.name}: {violation}")
        console.print(_again(outcome.name))
    hits = _all_hits(outcomes)
    for kind, least in _DEMANDED.items() if whole else ():
        if hits[kind] < least:
            held = False
            console.print(f"too little was hit to prove anything: {kind} {hits[kind]} of {least}")
    console.print("all held" if held else "VIOLATED")
    return held


def _all_hits(outcomes: Sequence[Outcome]) -> Counter[str]:
    hits = sum((outcome.hits for outcome in outcomes), Counter[str]())
    hits["kill"] = hits["kill dispatch"] + hits["kill ingestion"]
    return hits


def _table(outcomes: Sequence[Outcome], seconds: float) -> Table:
    table = Table(title="Chaos: kills count when they hit work in hand", padding=(0, 1))
    for name in _COLUMNS:
        table.add_column(name, justify="right")
    for outcome in outcomes:
        table.add_row(outcome.name, *_cells([outcome]), f"{outcome.seconds:.0f} s")
    table.add_section()
    table.add_row("all", *_cells(outcomes), f"{seconds:.0f} s")
    return table


def _cells(outcomes: Sequence[Outcome]) -> list[str]:
    hits = _all_hits(outcomes)
    verdicts = [outcome.verdict for outcome in outcomes]
    numbers = [
        sum(v.attempts for v in verdicts),
        sum(v.acknowledged for v in verdicts),
        sum(v.mails for v in verdicts),
        sum(v.feed_items for v in verdicts),
        f"{hits['kill dispatch']}/{hits['kill ingestion']}",
        hits["broker kill"],
        hits["connections closed"],
        hits["freeze"],
        hits["database kill"] + hits["database outage"],
        hits["purge"],
        sum(v.unknown for v in verdicts),
        sum(v.doubled for v in verdicts),
        sum(len(v.lost) for v in verdicts),
        sum(len(v.ghosts) for v in verdicts),
        sum(len(v.duplicates) for v in verdicts),
        sum(len(v.stuck) for v in verdicts),
        sum(len(v.feed) for v in verdicts),
        f"{max(outcome.drained_in for outcome in outcomes):.1f} s",
    ]
    return [str(number) for number in numbers]
