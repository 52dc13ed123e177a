from __future__ import annotations

from dataclasses import replace

import pytest
from plan_builder import spec, tid

from megatest.model.claim import POOL, Holding, Share
from megatest.model.ids import TestId
from megatest.model.record import TestRecord
from megatest.model.spec import PoolWish, Requirements
from megatest.plan.limits import Demand, Limits, LimitSettings, demand_of_spec


def elsewhere(name: str, executor: str = "") -> TestRecord:
    return TestRecord(id=1, run_id=2, test_id=tid(name), state="RUNNING", status="n/a", executor=executor)


def test_without_settings_nothing_is_limited() -> None:
    limits = Limits()
    for _ in range(1000):
        limits.take(Demand())
    assert limits.account(Demand()).why_not() == ""


def test_jobs_are_counted_over_all_runs() -> None:
    limits = Limits(LimitSettings(max_concurrent_jobs=3))
    limits.set_elsewhere([elsewhere("a"), elsewhere("b")])
    limits.take(Demand())
    assert limits.account(Demand()).why_not() == (
        "max_concurrent_jobs has 3, in use are 3 (1 in this run, 2 in other runs)"
    )
    limits.set_elsewhere([elsewhere("a")])
    assert limits.account(Demand()).why_not() == ""


def test_groups_pools_and_executors_are_counted_each_for_itself() -> None:
    settings = LimitSettings(jobgroups={"big": 1}, pools={"license": 3}, slots={"local": 2})
    limits = Limits(settings)
    limits.take(Demand(jobgroup="big", pools=(("license", 2),), executor="local"))
    assert "job group 'big'" in limits.account(Demand(jobgroup="big")).why_not()
    assert "pool 'license'" in limits.account(Demand(pools=(("license", 2),))).why_not()
    assert limits.account(Demand(pools=(("license", 1),), executor="local")).why_not() == ""
    limits.take(Demand(executor="local"))
    assert "executor 'local'" in limits.account(Demand(executor="local")).why_not()
    limits.give_back(Demand(executor="local"))
    assert limits.account(Demand(executor="local")).why_not() == ""


def test_other_runs_use_what_their_tests_demand() -> None:
    def demand(test_id: TestId, executor: str) -> Demand:
        return Demand(jobgroup="big" if test_id.test == "a" else "default", executor=executor)

    limits = Limits(LimitSettings(jobgroups={"big": 1}, slots={"local": 1}), demand)
    limits.set_elsewhere([elsewhere("a"), elsewhere("b", "local")])
    assert limits.account(Demand(jobgroup="big")).why_not()
    assert limits.account(Demand(executor="local")).why_not()
    assert limits.active_elsewhere(tid("a"))
    assert not limits.active_elsewhere(tid("c"))


@pytest.mark.parametrize(
    ("settings", "demand"),
    [
        (LimitSettings(jobgroups={"g": 0}), Demand(jobgroup="g")),
        (LimitSettings(pools={"p": 1}), Demand(pools=(("p", 2),))),
        (LimitSettings(slots={"x": 0}), Demand(executor="x")),
    ],
)
def test_what_can_never_fit_is_refused(settings: LimitSettings, demand: Demand) -> None:
    limits = Limits(settings)
    assert limits.misfit(demand)
    assert not limits.misfit(Demand())


def test_a_file_demands_its_group_and_the_pools_it_names() -> None:
    wishes = (PoolWish(name="license", amount=2), PoolWish(name="board", amount=1))
    wanting = replace(spec("a"), requirements=Requirements(pools=wishes))
    assert demand_of_spec(wanting, {"license": 5}, "slurm") == Demand(
        pools=(("license", 2),), executor="slurm"
    )


def test_what_other_runs_hold_counts_more_than_what_files_say_today() -> None:
    def demand(_test_id: TestId, executor: str) -> Demand:
        return Demand(pools=(("license", 1),), executor=executor)

    limits = Limits(LimitSettings(pools={"license": 5}), demand)
    held = Holding(run_id=2, row=1, test_id=tid("a"), attempt=1, share=Share(POOL, "license", 4))
    limits.set_elsewhere([elsewhere("a")], [held])
    assert limits.account(Demand(pools=(("license", 2),))).why_not() == (
        "pool 'license' has 5, in use are 4 (0 in this run, 4 in other runs)"
    )
    limits.set_elsewhere([elsewhere("a")])
    assert not limits.account(Demand(pools=(("license", 4),))).why_not()


def test_what_goes_to_runs_that_have_waited_longer_is_not_free() -> None:
    limits = Limits(LimitSettings(slots={"": 2}))
    limits.set_ahead({("slots", ""): 2})
    assert limits.is_contended
    assert limits.account(Demand()).why_not() == (
        "executor '' has 2, in use are 0 (0 in this run); 2 go to runs that have waited longer"
    )


def test_a_limit_of_this_run_alone_does_not_look_at_others() -> None:
    limits = Limits(LimitSettings(max_concurrent_jobs=1, slots={"": 1}, own=frozenset({("jobs", "")})))
    limits.set_elsewhere([elsewhere("a")])
    assert (
        limits.account(Demand()).why_not()
        == "executor '' has 1, in use are 1 (0 in this run, 1 in other runs)"
    )
    limits = Limits(LimitSettings(max_concurrent_jobs=1, own=frozenset({("jobs", "")})))
    limits.set_elsewhere([elsewhere("a")])
    limits.set_ahead({("jobs", ""): 1})
    assert not limits.is_contended
    assert limits.account(Demand()).why_not() == ""
    limits.take(Demand())
    assert limits.account(Demand()).why_not()
