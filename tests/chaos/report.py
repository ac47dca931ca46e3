"""Runs seeds one after another on one cluster and tells what came of them."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.chaos.cluster import open_cluster
from tests.chaos.run import Outcome, run_calm, run_rolling, run_seed

_log = logging.getLogger(__name__)

# What a whole run must have hit; less of it would prove less.
_DEMANDED = {
    "kill": 20,
    "broker kill": 3,
    "freeze": 2,
    "database outage": 1,
    "purge": 1,
    "kill inbox": 2,
    "valkey kill": 3,
    "restart": 12,
    "invalid entries": 50,
    "amended keys": 100,
    "scheduled": 100,
    "stopped deliveries": 20,
}
_FAULTS = (
    "seed",
    "kills D/I",
    "core",
    "inbox",
    "restarts",
    "broker",
    "closed",
    "purge",
    "freeze",
    "db",
    "Valkey",
    "retries",
    "drain",
    "time",
)
_FINDINGS = (
    "seed",
    "sends",
    "OK",
    "refused",
    "amended",
    "sched.",
    "stopped",
    "mails",
    "items",
    "in doubt",
    "doubled",
    "LOST",
    "GHOST",
    "DUPL",
    "STUCK",
    "ANSW",
    "AMEND",
    "EARLY",
    "FEED",
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
                running = "rolling"
                _log.info("rolling restart")
                outcomes.append(await run_rolling(cluster))
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
        for table in _tables(outcomes, time.monotonic() - begun):
            console.print(table)
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
    for outcome in outcomes:
        hits.update(outcome.verdict.covered)
    return hits


def _tables(outcomes: Sequence[Outcome], seconds: float) -> Iterator[Table]:
    faults = _table("What was done to it: kills count when they hit work in hand", _FAULTS)
    findings = _table("What came of it", _FINDINGS)
    for outcome in outcomes:
        faults.add_row(outcome.name, *_fault_cells([outcome]), f"{outcome.seconds:.0f} s")
        findings.add_row(outcome.name, *_finding_cells([outcome]))
    for table in (faults, findings):
        table.add_section()
    faults.add_row("all", *_fault_cells(outcomes), f"{seconds:.0f} s")
    findings.add_row("all", *_finding_cells(outcomes))
    yield from (faults, findings)


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, padding=(0, 1))
    for name in columns:
        table.add_column(name, justify="right")
    return table


def _fault_cells(outcomes: Sequence[Outcome]) -> list[str]:
    hits = _all_hits(outcomes)
    numbers = [
        f"{hits['kill dispatch']}/{hits['kill ingestion']}",
        hits["kill core"],
        hits["kill inbox"],
        hits["restart"],
        hits["broker kill"],
        hits["connections closed"],
        hits["purge"],
        hits["freeze"],
        hits["database kill"] + hits["database outage"],
        hits["valkey kill"],
        sum(outcome.retries for outcome in outcomes),
        f"{max(outcome.drained_in for outcome in outcomes):.1f} s",
    ]
    return [str(number) for number in numbers]


def _finding_cells(outcomes: Sequence[Outcome]) -> list[str]:
    verdicts = [outcome.verdict for outcome in outcomes]
    hits = _all_hits(outcomes)
    numbers = [
        sum(v.attempts for v in verdicts),
        sum(v.acknowledged for v in verdicts),
        hits["invalid entries"],
        hits["amended keys"],
        hits["scheduled"],
        hits["stopped deliveries"],
        sum(v.mails for v in verdicts),
        sum(v.feed_items for v in verdicts),
        sum(v.unknown for v in verdicts),
        sum(v.doubled for v in verdicts),
        sum(len(v.lost) for v in verdicts),
        sum(len(v.ghosts) for v in verdicts),
        sum(len(v.duplicates) for v in verdicts),
        sum(len(v.stuck) for v in verdicts),
        sum(len(v.answers) for v in verdicts),
        sum(len(v.amends) for v in verdicts),
        sum(len(v.early) for v in verdicts),
        sum(len(v.feed) for v in verdicts),
    ]
    return [str(number) for number in numbers]
