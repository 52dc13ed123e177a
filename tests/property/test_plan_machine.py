"""The plan against a judge that looks at everything, over random graphs and orders of events."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from plan_world import NEVER_RUN, Judge, World, make_spec

from megatest.model.ids import TestId
from megatest.model.spec import Mode, TestSpec
from megatest.plan.rerun import RerunRequest

PAIRS = [
    ("COMPLETED", "PASS"),
    ("COMPLETED", "WARN"),
    ("COMPLETED", "FAIL"),
    ("COMPLETED", "ABORT"),
    ("COMPLETED", "SKIP"),
    ("KILLED", "FAIL"),
    ("INCOMPLETE", "STUCK/DEAD"),
]
RECORDS = [*PAIRS, NEVER_RUN, ("NOT_STARTED", "PREQ_FAIL"), ("RUNNING", "n/a")]
MODES = [Mode.TOPLEVEL, Mode.ITEMMATCH]


def random_specs(chance: random.Random, most: int) -> dict[str, TestSpec]:
    specs: dict[str, TestSpec] = {}
    for number in range(chance.randint(1, most)):
        upstream = chance.sample(sorted(specs), chance.randint(0, min(3, len(specs))))
        items = tuple(chance.sample("abc", chance.randint(1, 3))) if chance.random() < 0.5 else None
        modes = [mode for mode in MODES if chance.random() < 0.3]
        deferred = chance.random() < 0.3
        specs[f"t{number}"] = make_spec(f"t{number}", upstream, items, modes, deferred)
    return specs


def random_request(chance: random.Random) -> RerunRequest:
    listed = frozenset(chance.sample(["PASS", "FAIL", "ABORT"], chance.randint(1, 3)))
    return RerunRequest(
        rerun=listed if chance.random() < 0.3 else None,
        keepgoing=chance.random() < 0.2,
        everything=chance.random() < 0.1,
    )


def random_pattern(chance: random.Random, specs: dict[str, TestSpec]) -> str:
    names = [*specs, "%", "%/a", *(f"{name}/a" for name in specs)]
    return ",".join(chance.sample(names, chance.randint(1, 2)))


def random_judge(chance: random.Random, specs: dict[str, TestSpec]) -> Judge:
    world = World(specs)
    density = chance.choice([0.0, 0.3, 0.9])
    accounted = set()
    for test in specs:
        for test_id in world.ids(test):
            if chance.random() < density:
                world.pairs[test_id] = chance.choice(RECORDS)
                if chance.random() < 0.5:
                    accounted.add(test_id)
    return Judge(world, accounted)


@pytest.mark.parametrize("block", range(20))
def test_a_plan_agrees_with_the_judge_through_random_lives(block: int) -> None:
    for seed in range(block * 20, block * 20 + 20):
        live_through(seed)


def live_through(seed: int) -> None:
    chance = random.Random(seed)
    specs = random_specs(chance, 8)
    judge = random_judge(chance, specs)
    judge.add(random_pattern(chance, specs), random_request(chance))
    for _ in range(chance.randint(0, 40)):
        act = chance.random()
        if act < 0.4:
            judge.start()
        elif act < 0.8 and judge.running:
            judge.end(chance.choice(sorted(judge.running)), chance.choice(PAIRS))
        elif act < 0.88 and judge.running:
            judge.retry(chance.choice(sorted(judge.running)))
        elif act < 0.92 and judge.ended_here():
            judge.retry(chance.choice(judge.ended_here()))
        elif act < 0.95:
            judge.add(random_pattern(chance, specs), random_request(chance))
        judge.check()
    judge.check_answers()
    judge.finish()


class PlanMachine(RuleBasedStateMachine):
    """The same, steered and shrunk by Hypothesis."""

    @initialize(seed=st.integers(0, 2**32))
    def make_plan(self, seed: int) -> None:
        chance = random.Random(seed)
        self.specs = random_specs(chance, 4)
        self.judge = random_judge(chance, self.specs)
        self.judge.add(random_pattern(chance, self.specs), random_request(chance))

    @precondition(lambda self: self.judge.plan.next_ready() is not None)
    @rule()
    def start(self) -> None:
        self.judge.start()

    @precondition(lambda self: self.judge.running)
    @rule(which=st.integers(0, 20), pair=st.sampled_from(PAIRS))
    def end(self, which: int, pair: tuple[str, str]) -> None:
        self.judge.end(self._running(which), pair)

    @precondition(lambda self: self.judge.running)
    @rule(which=st.integers(0, 20))
    def try_again(self, which: int) -> None:
        self.judge.retry(self._running(which))

    @precondition(lambda self: self.judge.ended_here())
    @rule(which=st.integers(0, 20))
    def try_ended_again(self, which: int) -> None:
        ended = self.judge.ended_here()
        self.judge.retry(ended[which % len(ended)])

    @rule(seed=st.integers(0, 2**32))
    def add_more(self, seed: int) -> None:
        chance = random.Random(seed)
        self.judge.add(random_pattern(chance, self.specs), random_request(chance))

    def _running(self, which: int) -> TestId:
        running = sorted(self.judge.running)
        return running[which % len(running)]

    @invariant()
    def the_judge_agrees(self) -> None:
        self.judge.check()

    def teardown(self) -> None:
        if hasattr(self, "judge"):
            self.judge.finish()


PlanMachine.TestCase.settings = settings(
    max_examples=30, stateful_step_count=15, suppress_health_check=list(HealthCheck)
)
TestPlanMachine = PlanMachine.TestCase
