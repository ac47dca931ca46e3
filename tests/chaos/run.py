"""A run: a workload, faults beside it, healing, a full drain, and the verdict."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tests.chaos.checker import Verdict, check
from tests.chaos.cluster import Cluster
from tests.chaos.collect import collect, undone
from tests.chaos.facts import Facts
from tests.chaos.faults import Injector
from tests.chaos.plans import Kind, Plan, draw
from tests.chaos.workload import Workload, open_workload

_log = logging.getLogger(__name__)

_RATE = 40.0
# Sends that were answered before anything is done to it, and without anything.
_WARM_UP = 60
_CALM = 250
# Seconds in which nothing at all was finished: a slow machine is not a stuck system.
_STANDSTILL = 40.0
_SHOWN = 20
_ANSWERED_WITHIN = 40.0
# Longer than any pause between two tries and than a poll of the streams: what is still to come comes.
_QUIET = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run showed."""

    name: str
    verdict: Verdict
    hits: Counter[str] = field(default_factory=Counter)
    misses: Counter[str] = field(default_factory=Counter)
    retries: int
    drained_in: float
    seconds: float


async def run_seed(cluster: Cluster, seed: int) -> Outcome:
    """Runs the workload of a seed under its faults."""
    return await _run(cluster, str(seed), seed, draw(seed))


async def run_calm(cluster: Cluster) -> Outcome:
    """Runs without faults: nothing may be doubled or in doubt then."""
    return _undoubted(await _run(cluster, "calm", 0, None))


async def run_rolling(cluster: Cluster) -> Outcome:
    """Restarts each process in turn, as an upgrade does: nothing may be doubled or in doubt."""
    plan = Plan(surroundings=(Kind.ROLLING_RESTART,))
    return _undoubted(await _run(cluster, "rolling", 1, plan))


def _undoubted(outcome: Outcome) -> Outcome:
    verdict = outcome.verdict
    if verdict.doubled or verdict.unknown:
        words = f"DUPLICATE without faults: {verdict.doubled} doubled, {verdict.unknown} in doubt"
        verdict = replace(verdict, duplicates=(*verdict.duplicates, words))
    return replace(outcome, verdict=verdict)


async def _run(cluster: Cluster, name: str, seed: int, plan: Plan | None) -> Outcome:
    begun = time.monotonic()
    cluster.sink.chance.seed(f"sink {seed}")
    first_mail = len(cluster.sink.mails)
    injector = Injector(cluster, random.Random(f"moments {seed}"))
    async with open_workload(cluster, seed) as workload:
        working = asyncio.create_task(workload.run(rate=_RATE))
        try:
            await workload.until_answered(_WARM_UP)
            if plan is None:
                await workload.until_answered(_CALM)
            else:
                await injector.carry_out(plan)
            workload.ceased.set()
            async with asyncio.timeout(_ANSWERED_WITHIN):
                await working
        finally:
            working.cancel()
        drained_in = await drain(cluster, workload)
        facts = await collect(cluster, workload, cluster.sink.mails[first_mail:])
        return Outcome(
            name=name,
            verdict=judge(facts, injector.wrongs),
            hits=injector.hits,
            misses=injector.misses,
            retries=workload.retries,
            drained_in=drained_in,
            seconds=time.monotonic() - begun,
        )


def judge(facts: Facts, wrongs: Sequence[str] = ()) -> Verdict:
    """Checks, and says what was found, here and before."""
    verdict = check(facts)
    verdict = replace(verdict, stuck=(*verdict.stuck, *wrongs))
    for violation in verdict.violations[:_SHOWN]:
        _log.error("%s", violation)
    return verdict


async def drain(cluster: Cluster, workload: Workload, *, standstill: float = _STANDSTILL) -> float:
    """Waits until nothing is left to do, or so long that nothing gets less; returns how long."""
    begun = said = moved = time.monotonic()
    left = await undone(cluster, workload.tenant_ids)
    least = sum(left.values())
    while left and time.monotonic() - moved < standstill:
        if time.monotonic() - said > 5:
            said = time.monotonic()
            _log.info("draining: %s", left)
        await asyncio.sleep(0.2)
        left = await undone(cluster, workload.tenant_ids)
        if sum(left.values()) < least:
            least, moved = sum(left.values()), time.monotonic()
    drained_in = time.monotonic() - begun
    if left:
        _log.error("not drained after %.0f s: %s", drained_in, left)
    await asyncio.sleep(_QUIET)
    return drained_in
