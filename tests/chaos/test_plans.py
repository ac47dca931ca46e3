"""What a seed draws, and that it names moments which exist."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from pathlib import Path

from tests.chaos.__main__ import SEEDS
from tests.chaos.plans import DISPATCH_FAILPOINTS, INGESTION_FAILPOINTS, Kind, draw

REPOSITORY = Path(__file__).resolve().parents[2]


def test_a_seed_draws_the_same_again() -> None:
    assert [draw(seed) for seed in range(20)] == [draw(seed) for seed in range(20)]


def test_the_default_run_meets_everything() -> None:
    plans = [draw(seed) for seed in range(SEEDS)]
    kinds = Counter(chain.from_iterable(plan.surroundings for plan in plans))
    assert set(kinds) == set(Kind)
    assert kinds[Kind.BROKER_KILL] >= 3
    assert kinds[Kind.FREEZE_DISPATCH] + kinds[Kind.FREEZE_INGESTION] >= 2
    kills = [kill for plan in plans for kill in (*plan.dispatch, *plan.ingestion)]
    names = {kill.failpoint.partition(":")[0] for kill in kills}
    assert names == {*DISPATCH_FAILPOINTS, *INGESTION_FAILPOINTS}
    # Each line dies twice: with work in hand, and at its failpoint.
    assert 2 * len(kills) >= 20


def test_the_failpoints_exist() -> None:
    services = "".join(path.read_text() for path in (REPOSITORY / "services").rglob("*.py"))
    # The outbox of events belongs to each service that has one, and dies in its name.
    events = (REPOSITORY / "libs" / "events" / "__init__.py").read_text()
    for name in (*DISPATCH_FAILPOINTS, *INGESTION_FAILPOINTS):
        moment = name.partition(".")[2]
        assert (
            f'failpoint("{name}")' in services
            or f'failpoint(f"{{self._schema}}.{moment}")' in events
        )
