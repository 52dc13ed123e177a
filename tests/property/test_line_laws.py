"""Who waits for limits gets its turn: a plan with pools and groups against looking at everything."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from megatest.model.ids import TestId
from megatest.model.pattern import parse_pattern
from megatest.model.spec import Requirements, TestSpec
from megatest.plan.limits import Demand, Limits, LimitSettings
from megatest.plan.plan import Plan
from megatest.plan.select import select


@dataclass
class Hall:
    """A crowd of tests, all ready at once, each with its place in the order, its demand and its length."""

    chance: random.Random
    settings: LimitSettings
    demands: dict[str, Demand]
    lengths: dict[str, int]
    order: list[str]
    now: int = 0
    running: dict[str, int] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    first_since: dict[str, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        specs = {
            name: TestSpec(
                name=name,
                directory=f"/t/{name}",
                config_file=f"/t/{name}/testconfig",
                requirements=Requirements(priority=-place, priority_given=True),
            )
            for place, name in enumerate(self.order)
        }
        self.limits = Limits(self.settings, lambda test_id, _executor: self.demands[test_id.test])
        self.plan = Plan(limits=self.limits)
        self.plan.add(select(specs, specs.__getitem__, parse_pattern("%")))
        self.plan.begin()

    # -- what the judge knows by itself -----------------------------------------------------------

    def sizes(self) -> dict[tuple[str, str], int]:
        return {
            **{("pool", name): size for name, size in self.settings.pools.items()},
            **{("group", name): size for name, size in self.settings.jobgroups.items()},
        }

    def takes(self, name: str) -> dict[tuple[str, str], int]:
        demand = self.demands[name]
        found = {("pool", pool): amount for pool, amount in demand.pools}
        if demand.jobgroup in self.settings.jobgroups:
            found["group", demand.jobgroup] = 1
        return found

    def free(self) -> dict[tuple[str, str], int]:
        free = self.sizes()
        for name in self.running:
            for key, amount in self.takes(name).items():
                free[key] -= amount
        return free

    def jobs_left(self) -> int:
        return (self.settings.max_concurrent_jobs or 10_000) - len(self.running)

    def fits(self, name: str) -> bool:
        free = self.free()
        return self.jobs_left() > 0 and all(free[key] >= n for key, n in self.takes(name).items())

    def waiting(self) -> list[str]:
        return [name for name in self.order if name not in self.running and name not in self.ended]

    # -- the laws ---------------------------------------------------------------------------------

    def start_all(self) -> None:
        while (test_id := self.plan.next_ready()) is not None:
            name = test_id.test
            assert self.fits(name), f"{name} does not fit"
            if name in self.first_since:
                since, until = self.first_since[name]
                assert self.now <= until, f"{name} was first at {since} and starts only at {self.now}"
            self.plan.started(test_id)
            self.running[name] = self.now + self.lengths[name]
        self.look_at_those_who_wait()

    def look_at_those_who_wait(self) -> None:
        waiting = self.waiting()
        if waiting:
            ends = list(self.running.values())
            assert ends, "nothing runs, and nothing starts"
            self.first_since.setdefault(waiting[0], (self.now, max(ends)))
        free = self.free()
        for place, name in enumerate(waiting):
            if self.fits(name):
                assert any(self.is_in_the_way(name, better, free) for better in waiting[:place]), (
                    f"{name} fits, leaves enough for all before it, and does not start"
                )

    def is_in_the_way(self, name: str, better: str, free: dict[tuple[str, str], int]) -> bool:
        mine = self.takes(name)
        return any(key in mine and free[key] - mine[key] < n for key, n in self.takes(better).items())

    def end_next(self) -> None:
        at, name = min((at, name) for name, at in self.running.items())
        self.now = at
        del self.running[name]
        self.ended.add(name)
        self.plan.ended(TestId(name), "COMPLETED", "PASS")


def random_hall(seed: int) -> Hall:
    chance = random.Random(seed)
    pools = {name: chance.randint(1, 6) for name in "pqr"[: chance.randint(1, 3)]}
    groups = {name: chance.randint(1, 3) for name in "gh"[: chance.randint(0, 2)]}
    names = [f"t{number:02}" for number in range(chance.randint(2, 30))]
    demands = {}
    for name in names:
        wanted = [pool for pool in pools if chance.random() < 0.5]
        amounts = {pool: chance.choice([1, 1, chance.randint(1, pools[pool])]) for pool in wanted}
        demands[name] = Demand(
            jobgroup=chance.choice(["default", *groups]), pools=tuple(sorted(amounts.items()))
        )
    order = list(names)
    chance.shuffle(order)
    return Hall(
        chance=chance,
        settings=LimitSettings(
            max_concurrent_jobs=chance.choice([None, 2, 5]), pools=pools, jobgroups=groups
        ),
        demands=demands,
        lengths={name: chance.choice([1, 2, 3, 10, 50]) for name in names},
        order=order,
    )


@pytest.mark.parametrize("block", range(10))
def test_whoever_is_first_starts_when_what_runs_has_ended_and_nothing_idles_without_need(block: int) -> None:
    for seed in range(block * 60, block * 60 + 60):
        hall = random_hall(seed)
        hall.start_all()
        while hall.running:
            hall.end_next()
            hall.start_all()
        assert hall.ended == set(hall.order)
        assert hall.plan.is_done()


def test_a_large_demand_is_not_passed_by_small_ones_for_ever() -> None:
    names = [f"s{number}" for number in range(40)]
    demands = {"big": Demand(pools=(("p", 4),)), **{name: Demand(pools=(("p", 1),)) for name in names}}
    hall = Hall(
        chance=random.Random(0),
        settings=LimitSettings(pools={"p": 4}),
        demands=demands,
        lengths={"big": 1, **{name: 2 + number % 3 for number, name in enumerate(names)}},
        order=[names[0], "big", *names[1:]],
    )
    hall.start_all()
    assert list(hall.running) == ["s0"]
    assert hall.plan.why(TestId("s1"))[0] == (
        "it waits: 4 of pool 'p' goes to big, which is before it and lacks something yet"
    )
    hall.end_next()
    hall.start_all()
    assert list(hall.running) == ["big"]


def test_who_lacks_one_of_two_pools_keeps_of_both_until_it_starts() -> None:
    """Else two streams could take the pools in turn, and it would find one of them full each time."""
    streams = {f"p{n}": Demand(pools=(("p", 1),)) for n in range(20)}
    streams |= {f"q{n}": Demand(pools=(("q", 1),)) for n in range(20)}
    order = ["p0", "q0", "both", *(f"{stream}{n}" for n in range(1, 20) for stream in "pq")]
    hall = Hall(
        chance=random.Random(0),
        settings=LimitSettings(pools={"p": 1, "q": 1}),
        demands={"both": Demand(pools=(("p", 1), ("q", 1))), **streams},
        lengths={"both": 1, **{name: 2 if name[0] == "p" else 3 for name in streams}},
        order=order,
    )
    hall.start_all()
    starts: list[str] = []
    while "both" not in hall.running:
        hall.end_next()
        before = set(hall.running)
        hall.start_all()
        starts += sorted(set(hall.running) - before)
    assert starts == ["both"]


def test_a_demand_that_lacks_only_a_place_on_the_machine_keeps_no_pool_idle() -> None:
    demands = {
        "here": Demand(pools=(("p", 1),), executor="local"),
        "local": Demand(executor="local"),
        "there": Demand(pools=(("p", 1),), executor="slurm"),
    }
    hall = Hall(
        chance=random.Random(0),
        settings=LimitSettings(pools={"p": 1}, slots={"local": 1}),
        demands=demands,
        lengths=dict.fromkeys(demands, 1),
        order=["local", "here", "there"],
    )
    hall.plan.started(TestId("local"))
    assert hall.plan.next_ready() == TestId("there")


def test_what_is_kept_is_missing_to_others() -> None:
    limits = Limits(LimitSettings(pools={"p": 3}))
    demand = Demand(pools=(("p", 1),))
    limits.take(demand)
    ((pool, amount),) = limits.account(demand).draws
    assert not pool.lacks(amount, kept=1)
    assert pool.lacks(amount, kept=2)
