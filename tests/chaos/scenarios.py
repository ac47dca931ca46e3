"""For each mutant the run that must catch it, and the same runs over what is whole."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.chaos.checker import Verdict
from tests.chaos.cluster import Cluster, open_cluster
from tests.chaos.collect import collect
from tests.chaos.faults import Injector
from tests.chaos.mutants import STOP_AT
from tests.chaos.plans import Kill, Kind, Plan
from tests.chaos.run import drain, judge
from tests.chaos.workload import Workload, open_workload
from tests.support.eventually import eventually

_log = logging.getLogger(__name__)

_RATE = 40.0
# Sends that were answered before anything is done to it.
_WARM_UP = 60
_ANSWERED_WITHIN = 40.0
# A mutant may never drain: what stood still so long is stuck.
_STANDSTILL = 15.0
_SECOND_CALL = "SELECT count(*) FROM dispatch.deliveries WHERE state = 3 AND attempts > 1"

Disturb = Callable[[Cluster, Workload, Injector], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What a mutant goes through, and by which violations it may be caught."""

    mutant: str
    seed: int
    disturb: Disturb
    caught_by: tuple[str, ...]
    rate: float = _RATE
    rare: bool = False
    """Whether batches, amendments, cancellations and schedules are to be frequent."""
    plain: bool = False
    """Whether all are sends of one, to be repeated when in doubt, and none is cancelled."""


def _by_plan(plan: Plan) -> Disturb:
    async def disturb(cluster: Cluster, workload: Workload, injector: Injector) -> None:
        await workload.until_answered(_WARM_UP)
        await injector.carry_out(plan)

    return disturb


async def _calm(cluster: Cluster, workload: Workload, injector: Injector) -> None:
    await workload.until_answered(2 * _WARM_UP)


async def _wake_into_anothers_call(
    cluster: Cluster, workload: Workload, injector: Injector
) -> None:
    """A dispatcher stops right before its calls, and wakes when another has begun them again."""
    sleeper = cluster.dispatch[0]
    await sleeper.kill()
    # Slow, so that there is a moment to wake in.
    cluster.sink.mood.pause = 1.2
    sleeper.environ = {**sleeper.environ, STOP_AT: "dispatch.sending"}
    await cluster.start(sleeper)
    try:
        await eventually(lambda: _stopped(sleeper.state), within=20)
        # The other must not be too busy to take over.
        workload.ceased.set()
        await eventually(lambda: _count(cluster, _SECOND_CALL), within=30)
        sleeper.thaw()
        # Until the other's calls have ended, or the sleeper has ended them for it.
        await eventually(lambda: _none(cluster, _SECOND_CALL), within=30)
    finally:
        cluster.sink.mood.pause = 0.06
        sleeper.thaw()


async def _stopped(state: Callable[[], str]) -> bool:
    return state() == "T"


async def _count(cluster: Cluster, query: str) -> int:
    connection = await cluster.connect()
    try:
        return int(await connection.fetchval(query))
    finally:
        await connection.close()


async def _none(cluster: Cluster, query: str) -> bool:
    return not await _count(cluster, query)


SCENARIOS = (
    Scenario(
        mutant="forget-the-outbox",
        seed=101,
        disturb=_by_plan(
            Plan(ingestion=(Kill(0, "ingestion.planned:1"), Kill(1, "ingestion.planned:2")))
        ),
        caught_by=("LOST", "STUCK"),
    ),
    Scenario(
        mutant="plan-anew",
        seed=102,
        disturb=_by_plan(
            Plan(
                dispatch=(Kill(0, "dispatch.claimed:2"), Kill(1, "dispatch.claimed:2")),
                surroundings=(Kind.BROKER_KILL,),
            )
        ),
        caught_by=("GHOST",),
    ),
    Scenario(
        mutant="resend-in-doubt",
        seed=103,
        disturb=_by_plan(Plan(dispatch=(Kill(0, "dispatch.sent:1"), Kill(1, "dispatch.sent:2")))),
        caught_by=("DUPLICATE",),
    ),
    Scenario(mutant="keep-facts-to-itself", seed=104, disturb=_calm, caught_by=("STUCK",)),
    Scenario(
        mutant="ignore-the-token",
        seed=105,
        disturb=_wake_into_anothers_call,
        caught_by=("GHOST", "DUPLICATE"),
        rate=6.0,
        plain=True,
    ),
    Scenario(
        mutant="amend-without-a-word", seed=106, disturb=_calm, caught_by=("AMEND",), rare=True
    ),
    Scenario(
        mutant="say-stopped", seed=107, disturb=_calm, caught_by=("ANSWER", "GHOST"), rare=True
    ),
    Scenario(
        mutant="one-answer-for-all", seed=108, disturb=_calm, caught_by=("ANSWER",), rare=True
    ),
    Scenario(
        mutant="pass-over-a-change",
        seed=109,
        disturb=_by_plan(Plan(surroundings=(Kind.INBOX_KILL,))),
        caught_by=("FEED",),
    ),
    Scenario(mutant="hurry", seed=110, disturb=_calm, caught_by=("EARLY",), rare=True),
)
# What is whole goes through the one scenario that no seed has, and one in which all is frequent.
_WHOLE = (
    replace(SCENARIOS[4], mutant="none", caught_by=()),
    replace(SCENARIOS[5], mutant="none", caught_by=()),
)


async def run_mutants(folder: Path, *, only: str | None) -> bool:
    """Returns whether every mutant was caught, and what is whole was not."""
    chosen = [s for s in (*_WHOLE, *SCENARIOS) if only in {None, s.mutant}]
    results: list[tuple[Scenario, Verdict]] = []
    async with open_cluster(folder, mutant=chosen[0].mutant) as cluster:
        for number, scenario in enumerate(chosen):
            _log.info("mutant %s", scenario.mutant)
            if number:
                await cluster.start_over(mutant=scenario.mutant)
            results.append((scenario, await _run(cluster, scenario)))
    return _report(results)


async def _run(cluster: Cluster, scenario: Scenario) -> Verdict:
    cluster.sink.chance.seed(f"sink {scenario.seed}")
    first_mail = len(cluster.sink.mails)
    injector = Injector(cluster, random.Random(f"moments {scenario.seed}"))
    async with open_workload(cluster, scenario.seed) as workload:
        if scenario.plain:
            workload.composer.at_most_once = workload.composer.regretted = 0.0
            workload.batches = workload.chains = 0.0
        if scenario.rare:
            workload.composer.regretted = workload.composer.scheduled = 0.3
            workload.batches, workload.chains = 0.5, 1.0
        working = asyncio.create_task(workload.run(rate=scenario.rate))
        try:
            await scenario.disturb(cluster, workload, injector)
            workload.ceased.set()
            async with asyncio.timeout(_ANSWERED_WITHIN):
                await working
        finally:
            working.cancel()
        await drain(cluster, workload, standstill=_STANDSTILL)
        return judge(await collect(cluster, workload, cluster.sink.mails[first_mail:]))


def _report(results: Sequence[tuple[Scenario, Verdict]]) -> bool:
    table = Table(title="Mutants: each must be caught, and what is whole must not")
    for name in ("mutant", "seed", "caught by", "for example", "as it should be"):
        table.add_column(name)
    good = True
    for scenario, verdict in results:
        kinds = {violation.split(" ", 1)[0] for violation in verdict.violations}
        as_it_should = bool(kinds & set(scenario.caught_by)) == bool(scenario.caught_by)
        as_it_should &= bool(scenario.caught_by) or not kinds
        good &= as_it_should
        table.add_row(
            scenario.mutant,
            str(scenario.seed),
            " ".join(sorted(kinds)) or "-",
            next(iter(verdict.violations), "-"),
            "yes" if as_it_should else "NO",
        )
    Console(width=160, highlight=False).print(table)
    return good
