"""How often a batch system is asked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from megatest.executors.pace import Pace


def _run(pace: Pace, seconds: float, *, changed: bool) -> int:
    """Ask whenever it is allowed; return how often."""
    now, asked = 0.0, 0
    while (now := max(now, pace.due_at())) < seconds:
        pace.asked(now)
        asked += 1
        pace.answered(now, changed=changed)
    return asked


def test_the_first_query_is_due_at_once() -> None:
    assert Pace().due_at() <= 0


def test_steady_change_is_one_query_a_second_after_a_burst() -> None:
    assert 108 <= _run(Pace(), 100, changed=True) <= 111


def test_without_change_it_decays_to_the_slowest() -> None:
    assert _run(Pace(), 1000, changed=False) < 112


def test_a_change_after_quiet_makes_it_fast_again() -> None:
    pace = Pace()
    _run(pace, 100, changed=False)
    pace.asked(100)
    pace.answered(100, changed=True)
    assert pace.due_at() <= 100.1


def test_failures_back_off_to_a_minute_and_a_success_forgets_them() -> None:
    pace = Pace()
    waits = [pace.failed(0) for _ in range(9)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    pace.answered(0, changed=False)
    assert pace.failures == 0
    assert pace.failed(0) == 1


def test_a_submission_does_not_hurry_what_fails() -> None:
    pace = Pace()
    for _ in range(7):
        pace.failed(0)
    pace.hurry(1)
    assert pace.due_at() == 60


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 5)), max_size=200))
def test_never_more_than_the_burst_and_one_a_second(steps: list[tuple[bool, float]]) -> None:
    pace = Pace()
    now = 0.0
    for asked, (changed, pause) in enumerate(steps, 1):
        now = max(now + pause, pace.due_at())
        pace.asked(now)
        pace.answered(now, changed=changed)
        assert asked <= 10 + now + 1e-6
