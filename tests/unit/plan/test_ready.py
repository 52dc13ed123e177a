"""The queue of ready rows, against a list that is sorted again at each question."""

from __future__ import annotations

import random

import pytest
from plan_builder import Bench, spec, tid

from megatest.model.ids import TestId
from megatest.model.record import TestRecord
from megatest.plan.limits import Demand, Limits, LimitSettings
from megatest.plan.node import Test
from megatest.plan.priority import Rank
from megatest.plan.ready import ReadyQueue
from megatest.plan.rerun import RerunRequest
from megatest.plan.row import Row, Stage
from megatest.plan.select import SelectedTest


def demand(test_id: TestId, executor: str) -> Demand:
    return Demand(jobgroup=test_id.test[:1], executor=executor)


class Sorted:
    """A queue, and beside it every row with its rank: the plainest way to know what comes next."""

    def __init__(self, names: list[str]) -> None:
        self.queue = ReadyQueue(Limits(LimitSettings(), demand))
        self.rows = {name: self._row(name) for name in names}
        self.ranks: dict[str, Rank] = {}

    def _row(self, name: str) -> Row:
        row = Row(Test(SelectedTest(spec=spec(name), asked=True), ()), tid(name), None, None)
        row.lane = self.queue.lane(row.test_id)
        return row

    def rank(self, name: str, path_s: float) -> Rank:
        return self.ranks.setdefault(name, (0.0, -path_s, tid(name)))

    def get_ready(self, name: str, path_s: float) -> None:
        self.rows[name].stage = Stage.READY
        self.queue.push(self.rows[name], self.rank(name, path_s))

    def expected(self) -> list[str]:
        ready = [name for name, row in self.rows.items() if row.stage is Stage.READY]
        return sorted(ready, key=self.ranks.__getitem__)

    def upcoming(self, count: int) -> list[str]:
        return [str(row.test_id) for row in self.queue.upcoming(count)]


@pytest.mark.parametrize("seed", range(30))
def test_rows_come_by_rank_however_they_got_ready_and_whoever_looked_ahead(seed: int) -> None:
    chance = random.Random(seed)
    group = "ab" if seed % 2 else "a"
    ready = Sorted([f"{chance.choice(group)}{number:02}" for number in range(70)])
    for _ in range(600):
        name = chance.choice(list(ready.rows))
        what = chance.random()
        if what < 0.45:
            ready.get_ready(name, chance.choice([1.0, 2.0, chance.random()]))
        elif what < 0.6:
            ready.rows[name].stage = chance.choice([Stage.RUNNING, Stage.DONE, Stage.WAITING])
        elif what < 0.8:
            count = chance.randint(1, 25)
            assert ready.upcoming(count) == ready.expected()[:count]
        else:
            first = ready.queue.first()
            assert first is None or str(first.test_id) == ready.expected()[0]
            assert first is not None or not ready.expected()
            if first is not None:
                first.stage = Stage.RUNNING


def test_a_row_that_gets_ready_again_before_its_old_place_was_looked_at_is_there_once() -> None:
    ready = Sorted(["a1", "a2"])
    for _ in range(3):
        ready.get_ready("a1", 1.0)
        ready.rows["a1"].stage = Stage.RUNNING
        ready.get_ready("a1", 1.0)
    ready.get_ready("a2", 1.0)
    assert ready.upcoming(9) == ["a1", "a2"]


def test_ranks_that_have_changed_count_for_all_that_gets_ready_after_a_rebuild() -> None:
    ready = Sorted(["a1", "a2", "a3"])
    ready.get_ready("a1", 1.0)
    ready.get_ready("a2", 2.0)
    ready.rows["a1"].stage = Stage.WAITING
    ready.queue.rebuild([(ready.rows["a2"], (0.0, -1.0, tid("a2")))])
    ready.ranks.clear()
    ready.get_ready("a1", 9.0)
    assert ready.upcoming(9) == ["a1", "a2"]


def test_a_held_row_that_a_second_request_finds_ready_starts_once_it_is_let_go() -> None:
    bench = Bench(spec("a", modes="exclusive"), spec("b"))
    bench.plan.limits.set_elsewhere(
        [TestRecord(id=7, run_id=2, test_id=tid("a"), state="RUNNING", status="n/a")]
    )
    assert bench.ready() == ["b"]
    bench.add("%", RerunRequest())
    assert bench.ready() == []
    bench.plan.limits.set_elsewhere([])
    assert bench.ready() == ["a"]


def test_tests_with_equal_demands_share_an_account_and_what_is_not_limited_is_not_counted() -> None:
    limits = Limits(LimitSettings(jobgroups={"a": 1}))
    queue = ReadyQueue(limits)
    assert queue.lane(tid("x")) is queue.lane(tid("y"))
    account = limits.account(Demand(jobgroup="a"))
    assert account is limits.account(Demand(jobgroup="a"))
    account.change(1)
    assert not account.fits()
    assert account.why_not() == "job group 'a' has 1, in use are 1 (1 in this run)"
    free = limits.account(Demand(jobgroup="b"))
    free.change(1)
    assert free.fits()
    assert free.why_not() == ""
