"""Which runs may go: all but the newest of each target, and none that is too young."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.records import run_record
from megatest.app.retention import Retention, age_s, expired
from megatest.model.record import RunRecord

NOW = 1_000_000


def run(number: int, target: str, began: int, state: str = "new") -> RunRecord:
    return run_record(target, id=number, runname=f"r{number}", state=state, event_time=began)


RUNS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(NOW - 100, NOW)), max_size=12).map(
    lambda rows: [run(number, target, began) for number, (target, began) in enumerate(rows, 1)]
)


def test_the_newest_of_each_target_stay_and_the_oldest_comes_first() -> None:
    runs = [run(1, "b", 30), run(2, "a", 20), run(3, "a", 10), run(4, "a", 40), run(5, "b", 5)]
    assert [one.id for one in expired(runs, Retention(newest=1), NOW)] == [3, 2, 5]


def test_of_runs_of_one_second_the_later_one_is_newer() -> None:
    assert [one.id for one in expired([run(2, "a", 7), run(1, "a", 7)], Retention(newest=1), NOW)] == [1]


def test_a_run_that_is_too_young_stays_also_beyond_the_newest() -> None:
    runs = [run(1, "a", NOW - 60), run(2, "a", NOW - 59), run(3, "a", NOW)]
    assert [one.id for one in expired(runs, Retention(newest=1, younger_than_s=60), NOW)] == [1]


def test_a_locked_run_stays_and_is_one_of_the_newest_if_it_is() -> None:
    runs = [run(1, "a", 10, "locked"), run(2, "a", 20), run(3, "a", 30, "locked")]
    assert [one.id for one in expired(runs, Retention(newest=1), NOW)] == [2]


@pytest.mark.parametrize(("text", "age"), [("30d", 2_592_000), (" 1h 30m ", 5_400), ("1w 2d", 777_600)])
def test_an_age_is_the_sum_of_its_words(text: str, age: float) -> None:
    assert age_s(text) == age


@pytest.mark.parametrize("text", ["", " ", "30", "d", "-3d", "90.5d", "90d foo", "5d 3", "1w2d", "1D", "٣d"])
def test_what_is_not_surely_an_age_is_none(text: str) -> None:
    assert age_s(text) is None


@given(RUNS, st.integers(0, 5), st.integers(0, 120))
def test_what_goes_is_old_and_enough_newer_runs_stay(runs: list[RunRecord], newest: int, young: int) -> None:
    going = expired(runs, Retention(newest=newest, younger_than_s=young), NOW)
    staying = [one for one in runs if one not in going]
    assert all(NOW - one.event_time >= young for one in going)
    every, left = (Counter(one.target for one in some) for some in (runs, staying))
    assert all(left[target] >= min(count, newest) for target, count in every.items())
    for one in going:
        newer = [s for s in staying if s.target == one.target and s.event_time >= one.event_time]
        assert len(newer) >= newest
