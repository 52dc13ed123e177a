"""When journals are looked at."""

from __future__ import annotations

import itertools
import math

from megatest.engine.attempt import Attempt, Row
from megatest.engine.rounds import Rounds
from megatest.model.attempt import Prepared, Started
from megatest.model.ids import TestId
from megatest.model.job import Job


def _attempt(row: int, *, begun: bool = False) -> Attempt:
    run_dir = f"/runs/{row}"
    return Attempt(
        row=Row(row, TestId("t", str(row)), "LAUNCHED", "n/a"),
        number=1,
        executor="slurm",
        job=Job(row=row, attempt=1, name=f"j{row}", run_dir=run_dir, script="", log=""),
        prepared=Prepared(run_dir=run_dir, link="", script="", log=""),
        started=Started(attempt=1, pid=1) if begun else None,
    )


def _looks(rounds: Rounds, begin: float, seconds: float) -> list[tuple[float, int]]:
    """Look whenever something is due; return when which rows were looked at."""
    now, looks = begin, []
    while (now := max(now + 0.001, rounds.next_at())) < begin + seconds:
        looks += [(round(now - begin, 3), attempt.row.id) for attempt in rounds.due(now)]
    return looks


def _gaps(looks: list[tuple[float, int]]) -> list[float]:
    times = [at for at, _ in looks]
    return [round(later - earlier, 2) for earlier, later in itertools.pairwise(times)]


def test_nothing_is_due_when_nothing_lives() -> None:
    rounds = Rounds()
    attempt = _attempt(1)
    rounds.add(attempt, 100, closely=True)
    rounds.drop(attempt)
    assert rounds.due(200) == []
    assert rounds.next_at() == math.inf


def test_what_needs_no_watching_is_looked_at_once_a_second() -> None:
    rounds = Rounds()
    for row in range(3):
        rounds.add(_attempt(row), 100, closely=False)
    assert len(_looks(rounds, 100, 10)) == 3 * 10


def test_behind_a_queue_the_looks_grow_rarer_with_age() -> None:
    rounds = Rounds()
    rounds.add(_attempt(1, begun=True), 100, closely=True)
    looks = _looks(rounds, 100, 300)
    gaps = _gaps(looks)
    assert looks[0][0] < 0.2
    assert max(gaps[:5]) < 0.3
    assert 1.9 < gaps[-1] < 2.2
    assert all(later >= earlier - 0.05 for earlier, later in itertools.pairwise(gaps))


def test_the_beginning_of_a_test_brings_the_looks_back() -> None:
    rounds = Rounds()
    attempt = _attempt(1)
    rounds.add(attempt, 100, closely=True)
    _looks(rounds, 100, 200)
    rounds.begun(attempt, 300)
    assert _looks(rounds, 300, 10)[0][0] < 0.2


def test_fifty_thousand_in_the_queue_cost_no_more_looks_than_a_thousand() -> None:
    def looks_of(count: int) -> int:
        rounds = Rounds()
        for row in range(count):
            rounds.add(_attempt(row), 100, closely=True)
        settled_s = 0.005 * count + 10  # after the looks that follow a submission
        _looks(rounds, 100, settled_s)
        return len(_looks(rounds, 100 + settled_s, 20))

    assert looks_of(50_000) <= 1.2 * looks_of(1_000)


def test_those_that_run_are_looked_at_soon_however_many_wait() -> None:
    rounds = Rounds()
    for row in range(20_000):
        rounds.add(_attempt(row), 100, closely=True)
    _looks(rounds, 100, 300)
    running = _attempt(50_000, begun=True)
    rounds.add(running, 400, closely=True)
    mine = [at for at, row in _looks(rounds, 400, 30) if row == 50_000]
    assert mine[0] < 1
    assert max(later - earlier for earlier, later in itertools.pairwise(mine)) < 3


def test_the_looks_of_one_turn_are_bounded() -> None:
    rounds = Rounds()
    for row in range(1_000):
        rounds.add(_attempt(row), 100, closely=True)
    assert len(rounds.due(1000)) <= 50
    assert rounds.due(1000) == []
    assert rounds.next_at() > 1000
