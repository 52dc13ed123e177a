"""Several engines that share pools and groups: never too much, and nobody starves."""

from __future__ import annotations

from itertools import pairwise

import pytest

from fakes.crowd import Crowd
from fakes.engine_world import EngineWorld
from fakes.executor import Plan as JobPlan
from fakes.store import FakeStore
from megatest.engine.interrupt import Level
from megatest.plan.limits import Demand, LimitSettings


def many(count: int, **pools: int) -> dict[str, Demand]:
    return {f"t{number:02}": Demand(pools=tuple(pools.items())) for number in range(count)}


@pytest.mark.parametrize("seed", range(30))
def test_engines_that_choose_at_the_same_moment_never_take_more_than_there_is(seed: int) -> None:
    crowd = Crowd(LimitSettings(pools={"lic": 3}, jobgroups={"big": 2}), seed)
    for _ in range(3):
        tests = {
            **many(4, lic=1),
            "two": Demand(pools=(("lic", 2),)),
            "g1": Demand(jobgroup="big"),
            "g2": Demand(jobgroup="big", pools=(("lic", 1),)),
        }
        crowd.add(tests, lasts_s=0.5)
    crowd.play()
    assert crowd.outcomes() == [7, 7, 7]
    assert crowd.peaks["lic"] == 3
    assert crowd.peaks["big"] == 2


def test_two_runs_take_turns_at_what_both_want() -> None:
    crowd = Crowd(LimitSettings(pools={"board": 1}))
    crowd.add(many(10, board=1))
    crowd.add(many(10, board=1))
    crowd.play()
    order = "".join(run[1] for run, _, _ in crowd.launches)
    assert order[:18] in ("12" * 9, "21" * 9)


def test_a_run_that_comes_later_gets_the_next_slot_though_the_first_one_has_work_for_all() -> None:
    crowd = Crowd(LimitSettings(slots={"fake": 2}))
    crowd.add(many(20), lasts_s=10)
    crowd.add(many(4), lasts_s=10, after_s=5)
    crowd.play()
    late = [at for run, _, at in crowd.launches if run == "r2"]
    begin = crowd.launches[0][2]
    assert late[0] - begin == pytest.approx(10, abs=0.2)
    # Of the two slots one is its own from then on, so its four tests take four rounds.
    assert late[-1] - begin == pytest.approx(40, abs=2)
    assert crowd.peaks["jobs"] == 2


def test_short_tests_are_not_all_hand_over() -> None:
    crowd = Crowd(LimitSettings(pools={"board": 1}))
    for _ in range(2):
        crowd.add(many(30, board=1), lasts_s=0.1)
    crowd.play()
    runs = [run for run, _, _ in crowd.launches]
    changes = sum(before != after for before, after in pairwise(runs))
    assert 4 <= changes <= 20


def test_a_run_that_wants_much_is_not_passed_for_ever_by_one_that_wants_little() -> None:
    crowd = Crowd(LimitSettings(pools={"lic": 4}))
    small = many(40, lic=1)
    crowd.add(small, lasts_s=lambda test: 3 + int(test[1:]) % 4)
    crowd.add({"big": Demand(pools=(("lic", 4),))}, lasts_s=3, after_s=2)
    crowd.play()
    (at,) = [at for run, _, at in crowd.launches if run == "r2"]
    # Its ticket is ripe a second after it came; then what runs ends within the longest test.
    assert at - crowd.launches[0][2] <= 2 + 1 + 6 + 0.5
    assert crowd.peaks["lic"] == 4


def test_a_ticket_is_good_for_one_test_though_more_has_become_free() -> None:
    crowd = Crowd(LimitSettings(pools={"lic": 3}))
    crowd.add({"all": Demand(pools=(("lic", 3),))}, lasts_s=10)
    crowd.add(many(4, lic=1), lasts_s=20, after_s=1)
    crowd.add(many(4, lic=1), lasts_s=20, after_s=2)
    crowd.play()
    first = [run for run, _, at in crowd.launches if at - crowd.launches[0][2] < 15]
    assert sorted(first) in (["r1", "r2", "r2", "r3"], ["r1", "r2", "r3", "r3"])


def test_three_runs_share_by_turns_whatever_their_size() -> None:
    crowd = Crowd(LimitSettings(pools={"lic": 2}))
    for count in (12, 6, 6):
        crowd.add(many(count, lic=1))
    crowd.play()
    of_each = {"r1": 0, "r2": 0, "r3": 0}
    for run, _, _ in crowd.launches[:15]:
        of_each[run] += 1
    assert max(of_each.values()) - min(of_each.values()) <= 2


def test_an_engine_that_stands_still_does_not_hold_up_the_others_by_what_it_waits_for() -> None:
    crowd = Crowd(LimitSettings(pools={"lic": 2}))
    crowd.add(many(10, lic=1))
    waiting = crowd.add({"both": Demand(pools=(("lic", 2),))}, after_s=0.5)
    crowd.freeze(waiting, 2)
    crowd.play()
    assert crowd.outcomes() == [10, 0]
    assert not waiting.watcher.launches


def test_each_test_has_units_of_its_own_and_is_told_which() -> None:
    units = {"port": ("7001", "7002", "7003")}
    crowd = Crowd(LimitSettings(pools={"port": 3}))
    worlds = [crowd.add(many(6, port=1), units=units) for _ in range(2)]
    crowd.play()
    told = [
        {variable.name: variable.value for variable in variables}
        for world in worlds
        for variables in world.workarea.variables.values()
    ]
    assert {name for names in told for name in names} == {"MT_POOL_PORT"}
    assert {names["MT_POOL_PORT"] for names in told} == {"7001", "7002", "7003"}
    assert len(told) == 12


def leave(world: EngineWorld) -> None:
    """Run until tests run, then let the engine go as SIGTERM does."""

    def interrupt() -> None:
        world.interrupts.level = Level.LEAVE

    world.waiter.before = interrupt
    world.run("a")
    world.interrupts.level = Level.NONE
    world.waiter.before = lambda: None


def ports(**lasts_s: float) -> EngineWorld:
    return EngineWorld(
        graph=tuple(f"{test}:" for test in lasts_s),
        jobs={test: JobPlan(lasts_s=seconds) for test, seconds in lasts_s.items()},
        limits=LimitSettings(pools={"port": 2}),
        demands={test: Demand(pools=(("port", 1),)) for test in lasts_s},
        units={"port": ("7001", "7002")},
    )


def told(world: EngineWorld, test: str) -> list[str]:
    return [variable.value for variable in world.workarea.variables[f"/runs/{test}.1"]]


def test_an_adopted_test_keeps_its_unit() -> None:
    world = ports(a=50, b=1, c=1)
    leave(world)
    world.run()
    assert [told(world, test) for test in "abc"] == [["7001"], ["7002"], ["7002"]]
    assert world.watcher.launches == ["a.1", "b.1", "c.1"]


def test_while_a_test_holds_a_unit_that_the_records_have_lost_none_is_given_away() -> None:
    world = ports(a=50, b=1)
    leave(world)
    world.records.claims.clear()  # as after a rebuild of the database
    begin = world.clock.seconds
    world.run()
    assert told(world, "b") == ["7001"]
    assert world.clock.seconds - begin >= 49
    assert world.results() == {"a": "COMPLETED/PASS", "b": "COMPLETED/PASS"}


def test_what_was_claimed_for_a_test_that_cannot_be_prepared_is_let_go_at_once() -> None:
    world = ports(a=5, b=5)
    world.workarea.unpreparable = {"a": "no room for its files"}
    seen: list[list[str]] = []

    def look() -> None:
        seen.append([str(held.test_id) for held in FakeStore(world.records).holdings()])

    world.waiter.before = look
    world.run()
    assert world.results() == {"a": "COMPLETED/FAIL", "b": "COMPLETED/PASS"}
    assert {name for names in seen for name in names} == {"b"}
