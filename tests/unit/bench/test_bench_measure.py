from __future__ import annotations

import pytest
from bench.budget import Spent
from bench.line import Line, void
from bench.machine import busy_share
from bench.measure import Figure, Sample, figure, ratio


def _sample(wall_s: float, cpu_s: float = 1.0, problem: str = "") -> Sample:
    return Sample(wall_s=wall_s, cpu_s=cpu_s, peak_kib=1000, problem=problem)


def _figure(*walls: float, tests: int = 1) -> Figure:
    return figure([_sample(wall) for wall in walls], tests)


def test_a_figure_is_the_median_of_its_samples() -> None:
    assert _figure(1.0, 9.0, 2.0, tests=1000).wall_ms_per_test == 2.0


def test_one_void_sample_voids_the_figure() -> None:
    assert figure([_sample(1.0), _sample(1.0, problem="no test ran")], 1).problem == "no test ran"


def test_a_ratio_is_taken_round_by_round() -> None:
    # The second round was disturbed for both, and the medians alone would say 1.0.
    compared = ratio(_figure(1.0, 4.0, 2.0), _figure(2.0, 8.0, 1.0))
    assert compared is not None
    assert compared.wall == 0.5


def test_a_ratio_is_per_test() -> None:
    compared = ratio(_figure(10.0, tests=10), _figure(10.0, tests=5))
    assert compared is not None
    assert compared.wall == 0.5


def test_a_void_figure_has_no_ratio() -> None:
    bad = figure([_sample(1.0, problem="exit status 1")], 1)
    assert ratio(bad, _figure(1.0)) is None


@pytest.mark.parametrize(
    ("value", "goal", "verdict"), [(1.0, 1.0, "met"), (1.1, 1.0, "missed"), (1.0, None, "")]
)
def test_a_goal_is_met_up_to_its_limit(value: float, goal: float | None, verdict: str) -> None:
    assert Line(workload="W1", title="x", value=value, unit="s", goal=goal).verdict == verdict


def test_what_could_not_be_measured_is_void() -> None:
    assert void("W1", "x", "exit status 1").verdict == "void"


@pytest.mark.parametrize(("value", "over"), [(120.0, False), (121.0, True), (None, False)])
def test_a_figure_is_over_its_budget_beyond_a_fifth(value: float | None, over: bool) -> None:
    assert Spent(name="x", value=value, budget=100.0).is_over is over


def test_without_a_budget_nothing_is_over_it() -> None:
    spent = Spent(name="x", value=1e12, budget=None)
    assert not spent.is_over
    assert "no budget yet" in str(spent)


def test_the_busy_share_is_between_none_and_all() -> None:
    assert 0.0 <= busy_share(0.0, sleep=lambda seconds: None) <= 1.0
