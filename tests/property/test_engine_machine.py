"""Engines that die anywhere, over random areas: nothing starts twice, and the end is the same."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fakes.engine_world import EngineWorld, FakeRunLog, FakeWorkArea
from fakes.executor import FakeCluster, FakeExecutor
from fakes.executor import Plan as JobPlan
from megatest.model.attempt import AttemptSpec, JournalPart, Prepared, Started
from megatest.model.change import Change, TestChange
from megatest.model.job import ChangeKind, Job, JobChange
from megatest.model.record import TestRecord
from megatest.model.status import ACTIVE, legal_change


class Crash(Exception):  # noqa: N818 - it is no error
    """The engine died here."""


_MOST_TESTS = 6


@dataclass(slots=True)
class Fuse:
    """Burns down with everything that the engine does to the world, and then ends it."""

    left: int = 1 << 30

    def burn(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Crash


class MortalLog(FakeRunLog):
    """A run's journal whose writer may die before and after each write."""

    def __init__(self, fuse: Fuse) -> None:
        super().__init__()
        self._fuse = fuse

    def rows(self, records: Iterable[TestRecord]) -> None:
        self._fuse.burn()
        super().rows(records)
        self._fuse.burn()

    def changes(self, changes: Sequence[Change], token: int) -> None:
        self._fuse.burn()
        super().changes(changes, token)
        self._fuse.burn()


@dataclass(slots=True)
class MortalWorkArea(FakeWorkArea):
    """Run directories whose maker may die after each step."""

    fuse: Fuse = field(default_factory=Fuse)

    def prepare(self, spec: AttemptSpec) -> Prepared:
        prepared = FakeWorkArea.prepare(self, spec)
        self.fuse.burn()
        return prepared

    def read_journal(self, run_dir: str, offset: int) -> JournalPart:
        part = FakeWorkArea.read_journal(self, run_dir, offset)
        self.fuse.burn()
        return part

    def revoke(self, run_dir: str, attempt: int) -> bool:
        revoked = FakeWorkArea.revoke(self, run_dir, attempt)
        self.fuse.burn()
        return revoked


class UnreliableExecutor(FakeExecutor):
    """Tells old news again, and news of attempts that are long settled."""

    def __init__(self, cluster: FakeCluster, chance: random.Random, fuse: Fuse) -> None:
        super().__init__(cluster)
        self._chance = chance
        self._fuse = fuse
        self._told: list[JobChange] = []

    def poll(self) -> Sequence[JobChange]:
        news = list(super().poll())
        self._told += news
        if self._told and self._chance.random() < 0.3:
            news.append(self._chance.choice(self._told))
        if news and self._chance.random() < 0.1:
            late = news[0]
            news.insert(0, JobChange(row=late.row, attempt=late.attempt - 1, kind=ChangeKind.LOST))
        return news

    def submit(self, jobs: Sequence[Job]) -> list[object]:  # type: ignore[override]
        answers: list[object] = []
        for job in jobs:
            self._fuse.burn()
            answers += FakeExecutor.submit(self, [job])
            self._fuse.burn()
        return answers


def random_world(seed: int, *, fuse: Fuse | None) -> EngineWorld:
    """Return an area of a few tests; with a fuse its engines are mortal and some jobs are lost once."""
    chance = random.Random(seed)
    names = [f"t{number}" for number in range(chance.randint(2, _MOST_TESTS))]
    graph, jobs = [], {}
    for number, name in enumerate(names):
        upstream = chance.sample(names[:number], chance.randint(0, min(2, number)))
        items = "[x y]" if chance.random() < 0.4 else ""
        graph.append(f"{name}{items}: {' '.join(upstream)}")
        for test in (name, f"{name}/x", f"{name}/y"):
            plan = JobPlan(code=int(chance.random() < 0.15), lasts_s=chance.choice([0, 0.5, 3, 20]))
            jobs[test] = plan
            is_lost_once = chance.random() < 0.2
            if fuse is not None and is_lost_once:
                jobs[f"{test}.1"] = JobPlan(vanishes=True, lasts_s=plan.lasts_s)
    world = EngineWorld(graph=tuple(graph), jobs=jobs, slots=chance.randint(1, 3))
    if fuse is not None:
        world.log = MortalLog(fuse)
        world.workarea = MortalWorkArea(fuse=fuse)
        world.waiter.before = fuse.burn
        world.make_executor = lambda cluster: UnreliableExecutor(cluster, chance, fuse)
    return world


def expected(seed: int) -> dict[str, str]:
    """Return how an area ends that nothing disturbs, once nothing more is tried again."""
    world = random_world(seed, fuse=None)
    world.run()
    return world.results()


class EngineMachine(RuleBasedStateMachine):
    """Engines come and go over one world; Hypothesis chooses where they die."""

    @initialize(seed=st.integers(0, 2**32))
    def make_world(self, seed: int) -> None:
        self.seed = seed
        self.fuse = Fuse()
        self.world = random_world(seed, fuse=self.fuse)

    @rule(steps=st.integers(0, 60))
    def run_an_engine_that_dies(self, steps: int) -> None:
        self.fuse.left = steps
        try:
            self.world.run()
        except Crash:
            self.world.interrupts.drain_wakeups()

    @rule(seconds=st.floats(0, 30))
    def let_time_pass(self, seconds: float) -> None:
        self.world.clock.seconds += seconds

    @rule(days=st.integers(-2, 2))
    def turn_the_clock_on_the_wall(self, days: int) -> None:
        self.world.clock.wall_offset_s = days * 86400.0

    @invariant()
    def no_attempt_was_begun_twice(self) -> None:
        if hasattr(self, "world"):
            begun = self.world.cluster.started
            assert len(begun) == len(set(begun))

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.fuse.left = 1 << 30
        # What was lost runs again in the next run, and of a chain each test may be lost once.
        for _ in range(_MOST_TESTS + 1):
            self.world.run()
        assert self.world.results() == expected(self.seed)
        self._judge_histories()
        self._judge_passes()

    def _judge_histories(self) -> None:
        """Every state that was committed follows legally from the one before."""
        parents = {test.id for test in self.world.records.tests.values() if test.is_parent}
        states: dict[int, str] = {}
        for _, changes in self.world.log.commits:
            for change in changes:
                if isinstance(change, TestChange) and change.state and change.row not in parents:
                    before = states.get(change.row, "NOT_STARTED")
                    assert legal_change(before, change.state), (change.row, before, change.state)
                    states[change.row] = change.state
        assert not ACTIVE.intersection(states.values())

    def _judge_passes(self) -> None:
        """What passed was not run again: a good result is never thrown away."""
        for run_dir, entries in self.world.workarea.journals.items():
            test, _, attempt = run_dir.removeprefix("/runs/").rpartition(".")
            record = self.world.record(test)
            if record.status == "PASS" and isinstance(entries[0], Started) and int(attempt) < record.attempt:
                plan = self.world.jobs.get(f"{test}.{attempt}", self.world.jobs[test])
                assert plan.vanishes, f"{test} had passed in attempt {attempt} already"


EngineMachine.TestCase.settings = settings(
    max_examples=30,
    stateful_step_count=8,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.reuse, Phase.generate),  # a failure names its seed; shrinking it takes minutes
)
TestEngineMachine = EngineMachine.TestCase
