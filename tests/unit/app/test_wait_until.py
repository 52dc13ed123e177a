"""Asking again and again until something is over."""

from __future__ import annotations

from megatest.app.kill import wait_until


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def test_what_is_over_at_once_costs_no_pause() -> None:
    time = Time()
    assert wait_until(lambda: True, timeout_s=None, monotonic=time.monotonic, sleep=time.sleep)
    assert time.pauses == []


def test_pauses_grow_to_a_second_and_no_further() -> None:
    time = Time()
    assert wait_until(lambda: time.now > 120, timeout_s=None, monotonic=time.monotonic, sleep=time.sleep)
    assert time.pauses[0] < 0.1
    assert time.pauses == sorted(time.pauses)
    assert time.pauses[-1] == 1.0


def test_the_wait_ends_when_the_time_is_up_and_not_later() -> None:
    time = Time()
    assert not wait_until(lambda: False, timeout_s=3.3, monotonic=time.monotonic, sleep=time.sleep)
    assert 103.2 < time.now < 103.4


def test_with_no_time_at_all_it_is_asked_once() -> None:
    time = Time()
    asked: list[float] = []

    def is_over() -> bool:
        asked.append(time.now)
        return False

    assert not wait_until(is_over, timeout_s=0, monotonic=time.monotonic, sleep=time.sleep)
    assert (len(asked), time.pauses) == (1, [])
