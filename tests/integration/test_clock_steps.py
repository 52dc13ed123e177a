"""The clock on the wall may jump by days: no verdict and no duration changes."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_area import LiveArea, live_area

from fakes.engine_world import EngineWorld, FakeWatcher
from fakes.executor import Plan as JobPlan
from megatest.app.planning import select_tests
from megatest.app.request import RunRequest
from megatest.app.run import run_tests
from megatest.app.session import AreaRequest
from megatest.app.wiring import SystemClock
from megatest.engine.interrupt import Interrupts

DAY_S = 86400.0


@pytest.mark.parametrize("days", [-1, 1])
def test_a_step_of_a_day_in_the_middle_of_a_run_changes_no_verdict(days: int) -> None:
    world = EngineWorld(
        graph=("a", "b: a", "limited"),
        jobs={"a": JobPlan(lasts_s=20), "limited": JobPlan(lasts_s=1000)},
        limit_s={"limited": 60},
    )

    def step() -> None:
        world.clock.wall_offset_s = days * DAY_S * (world.clock.seconds > 1010)

    world.waiter.before = step
    world.run()
    assert world.results() == {"a": "COMPLETED/PASS", "b": "COMPLETED/PASS", "limited": "KILLED/FAIL"}
    assert 19 <= world.record("a").run_duration_s <= 22
    assert 60 <= world.record("limited").run_duration_s <= 70


class JumpingClock(SystemClock):
    """The machine's clocks, but the one on the wall is a day further with each look, or a day back."""

    def __init__(self, days: int) -> None:
        self._steps = itertools.cycle((0, days))

    def now(self) -> float:
        return super().now() + next(self._steps) * DAY_S


@pytest.fixture
def area(tmp_path: Path) -> Iterator[LiveArea]:
    with live_area(tmp_path / "area") as area:
        yield area


@pytest.mark.parametrize("days", [-1, 1])
def test_real_tests_pass_and_have_their_true_durations_under_a_jumping_clock(
    days: int, area: LiveArea
) -> None:
    area.make({"a": ("sleep 0.2", ""), "b": ("", "[requirements]\nwaiton a\n")})
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MT_")}
    request = RunRequest(area=AreaRequest(start="/", area=str(area.home), environ=environ), runname="r")
    clock = JumpingClock(days)
    watcher = FakeWatcher()
    with Interrupts() as interrupts:
        report = run_tests(select_tests(request), watcher=watcher, interrupts=interrupts, clock=clock)
    assert (report.outcome.good, report.outcome.bad) == (2, 0)
    assert [name for name, _, _ in watcher.ends] == ["a", "b"]
    shown = area.megatest("list", "--json")
    seconds = {test["test"]: test["duration_s"] for test in json.loads(shown.stdout)["tests"]}
    assert 0.1 < seconds["a"] < 10
    assert seconds["b"] < 10
    assert area.starts() == ["a 1", "b 1"]
