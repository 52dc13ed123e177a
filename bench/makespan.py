"""How close the order of start comes to the shortest possible run.

`python -m bench.makespan [AREA]` runs the plan against a simulated clock, without processes: random
graphs, and with AREA (an area with a run that ended) its own tests with their recorded durations.
The bound is the larger of all work over the jobs and the longest chain: no order does better, and
for most graphs none reaches it, so the figures say by how much at most an order could be improved.
"""

from __future__ import annotations

import heapq
import random
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bench.generate import SEED
from megatest.app import wiring
from megatest.app.planning import select_tests
from megatest.app.request import RunRequest
from megatest.app.session import AreaRequest
from megatest.model.ids import TestId
from megatest.model.pattern import parse_pattern
from megatest.model.spec import Requirements, TestSpec, Waiton
from megatest.model.status import State, Status
from megatest.plan.limits import Limits, LimitSettings
from megatest.plan.plan import Plan
from megatest.plan.priority import longest_tails
from megatest.plan.select import Selection, select

GRAPHS: Final = 40
TESTS: Final = 300
JOBS: Final = (2, 8, 32)
_SPREAD: Final = 1.2
"""Of the logarithm of durations: most tests are short, a few take an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Tests with their real durations.

    Attributes:
        selection: the tests and what they wait on.
        upstream: the same by index, each smaller than its own.
        durations: seconds by name, in the order of `upstream`.
    """

    selection: Selection
    upstream: tuple[tuple[int, ...], ...]
    durations: Mapping[str, float]


def random_work(chance: random.Random, tests: int) -> Work:
    """Return tests with up to three prerequisites among those before, and log-normal durations."""
    upstream = tuple(
        tuple(sorted(chance.sample(range(index), min(index, chance.choice((0, 0, 1, 2, 3))))))
        for index in range(tests)
    )
    names = [f"t{index:04d}" for index in range(tests)]
    durations = {name: chance.lognormvariate(3, _SPREAD) for name in names}
    specs = {
        name: _spec(name, [names[before] for before in waits])
        for name, waits in zip(names, upstream, strict=True)
    }
    selection = select(specs, specs.__getitem__, parse_pattern("%"))
    return Work(selection=selection, upstream=upstream, durations=durations)


def _spec(name: str, waitons: Sequence[str]) -> TestSpec:
    requirements = Requirements(waitons=tuple(Waiton(test=waiton) for waiton in waitons))
    return TestSpec(
        name=name, directory=f"/{name}", config_file=f"/{name}/testconfig", requirements=requirements
    )


def recorded_work(area: str) -> Work:
    """Return the tests of an area with the seconds that they took.

    Raises:
        UserError: it is no area, or nothing has run in it.
    """
    selected = select_tests(RunRequest(area=AreaRequest(start=area, area=area, environ={}), pattern="%"))
    records = wiring.open_records(selected.session, read_only=True)
    past = records.past_durations(selected.specs)
    order = _upstream_first(selected.specs)
    place = {name: index for index, name in enumerate(order)}
    upstream = tuple(
        tuple(sorted(place[w.test] for w in selected.specs[name].requirements.waitons)) for name in order
    )
    durations = {name: sum(s for test_id, s in past.items() if test_id.test == name) or 1.0 for name in order}
    plain = {
        name: _spec(name, [order[before] for before in waits])
        for name, waits in zip(order, upstream, strict=True)
    }
    selection = select(plain, plain.__getitem__, parse_pattern("%"))
    return Work(selection=selection, upstream=upstream, durations=durations)


def _upstream_first(specs: Mapping[str, TestSpec]) -> list[str]:
    waits = {name: {w.test for w in spec.requirements.waitons} for name, spec in specs.items()}
    order: dict[str, None] = {}
    while len(order) < len(waits):
        order |= dict.fromkeys(name for name, before in waits.items() if before <= order.keys())
    return list(order)


def simulate(work: Work, jobs: int, past: Mapping[TestId, float]) -> float:
    """Return the seconds from the first start to the last end.

    Args:
        work: the tests.
        jobs: how many run at once.
        past: the durations that the plan knows; empty: it orders by the longest chain of names only.
    """
    plan = Plan(limits=Limits(LimitSettings(max_concurrent_jobs=jobs)), past_durations=past)
    plan.add(work.selection)
    plan.begin()
    now = 0.0
    running: list[tuple[float, TestId]] = []
    while True:
        while (test_id := plan.next_ready()) is not None:
            plan.started(test_id)
            heapq.heappush(running, (now + work.durations[test_id.test], test_id))
        if not running:
            return now
        now, test_id = heapq.heappop(running)
        plan.ended(test_id, State.COMPLETED, Status.PASS)


def bound(work: Work, jobs: int) -> float:
    """Return the seconds that no order can beat."""
    weights = list(work.durations.values())
    tails = longest_tails(work.upstream, weights)
    return max(sum(weights) / jobs, *map(sum, zip(tails, weights, strict=True)))


def ratios(work: Work, jobs: int) -> tuple[float, float]:
    """Return makespan over bound: with the durations known from earlier runs, and without."""
    known = {TestId(name): seconds for name, seconds in work.durations.items()}
    least = bound(work, jobs)
    return simulate(work, jobs, known) / least, simulate(work, jobs, {}) / least


def main(areas: Sequence[str]) -> None:
    """Print a line for each number of jobs, and for each area."""
    chance = random.Random(SEED)
    graphs = [random_work(chance, TESTS) for _ in range(GRAPHS)]
    print(f"makespan over the bound: {GRAPHS} random graphs of {TESTS} tests, median (worst)")
    for jobs in JOBS:
        pairs = [ratios(work, jobs) for work in graphs]
        with_past, without = ([pair[which] for pair in pairs] for which in (0, 1))
        print(
            f"  {jobs:2} jobs: durations known {statistics.median(with_past):.3f} ({max(with_past):.3f}), "
            f"first run {statistics.median(without):.3f} ({max(without):.3f})"
        )
    for area in areas:
        work = recorded_work(area)
        for jobs in JOBS:
            known, unknown = ratios(work, jobs)
            print(f"  {area}, {jobs:2} jobs: durations known {known:.3f}, first run {unknown:.3f}")


if __name__ == "__main__":
    main(sys.argv[1:])
