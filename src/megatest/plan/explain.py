"""Sentences about a plan: why something waits, runs again or does not, and what comes when."""

from __future__ import annotations

import heapq
from typing import Final

from megatest.model.ids import TestId
from megatest.model.slotted import dataclass
from megatest.plan.graph import Graph, failure_of
from megatest.plan.node import Goal, Need, Test, Verdict
from megatest.plan.priority import Rank, rank
from megatest.plan.row import Row, Stage

MAY_START: Final = "it may start now"
"""How the sentence begins about a test that no limit holds, as far as this plan knows."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One line of a dry run: what runs, and the sentence why it runs (again)."""

    test_id: TestId
    reason: str


def why(graph: Graph, test_id: TestId) -> list[str]:
    """Return what there is to say about a test or item; see `Plan.why`."""
    test = graph.tests.get(test_id.test)
    if test is None:
        return [f"{test_id} is not in this plan"]
    row = test.row(test_id.item)
    if row is not None:
        return _why_row(graph, row)
    if test_id.item:
        return [f"test {test.name} has no item {test_id.item!r}"]
    return _why_test(graph, test)


def _why_row(graph: Graph, row: Row) -> list[str]:
    if row.stage is Stage.IDLE:
        return ["it was not asked for, and no test that runs needs it"]
    if row.stage is Stage.RUNNING:
        return ["it is running", *_because(row)]
    if row.stage is Stage.READY:
        return [_why_not_started(graph, row), *_because(row)]
    if row.stage is Stage.WAITING:
        open_goals = [goal for goal in graph.goals_of(row) if goal.verdict is not Verdict.MET]
        return [*(waits_for(goal) for goal in open_goals), *_because(row)]
    if row.comment:
        return [f"it is {'/'.join(row.pair)}: {row.comment}"]
    return [f"it does not run: {row.reason}" if _kept(row) else f"it ended {'/'.join(row.pair)}"]


def _kept(row: Row) -> bool:
    """Whether a row was done when the plan was made."""
    return row.lane is None


def _because(row: Row) -> list[str]:
    return [f"it runs because {row.reason}"] if row.reason else []


def _why_not_started(graph: Graph, row: Row) -> str:
    assert row.lane is not None
    if graph.ready.is_held(row):
        return "it is exclusive and active in another run"
    limit = row.lane.account.why_not() or graph.ready.why_kept_back(row)
    if limit:
        return f"it waits: {limit}"
    first = graph.ready.first()
    return MAY_START if first is None or first is row else f"{MAY_START}, after {first.test_id}"


def _why_test(graph: Graph, test: Test) -> list[str]:
    if test.settled is not None:
        return [f"it is {'/'.join(test.settled[0])}: {test.settled[1]}"]
    if test.awaits_items:
        open_goals = [goal for goal in graph.goals_of_gate(test) if goal.verdict is not Verdict.MET]
        return [
            "its items are evaluated when its prerequisites are met",
            *(waits_for(goal) for goal in open_goals),
        ]
    top = test.top()
    if not test.expanded:
        state = f"it is {'/'.join(top)} and " if top else "it "
        return [f"{state}was not asked for, and no test that runs needs it"]
    running = sum(row.stage is Stage.RUNNING for row in test.each_row())
    counts = ((running, "running"), (test.open - running, "to run"))
    parts = ", ".join(f"{count} {what}" for count, what in counts if count)
    return [f"it sums up {len(test.rows)} items{f': {parts}' if parts else ''}"]


def waits_for(goal: Goal) -> str:
    """Return the sentence about a goal that is not met."""
    if goal.verdict is Verdict.FAILED:
        return failure_of(goal)
    test = goal.test
    what = {Need.GOOD: "end well", Need.SOME: "have a good item"}.get(goal.need, "end")
    if test.awaits_items:
        return f"it waits for {goal.name()} to {what}, whose items are not known yet"
    row = test.row(goal.item or "")
    if row is not None:
        return f"it waits for {goal.name()} to {what}, which is {row.stage.name.lower()}"
    return f"it waits for {goal.name()} to {what}: {test.open} of its {len(test.rows)} items have not ended"


def planned_order(graph: Graph) -> list[Planned]:
    """Return what is to run, each after all that it waits on, by rank among equals."""
    behind: dict[str, list[Test]] = {}
    unmet: dict[str, int] = {}
    ready: list[tuple[Rank, Test]] = []
    for test in graph.tests.values():
        unmet[test.name] = len(test.upstream)
        for upstream in test.upstream:
            behind.setdefault(upstream.name, []).append(test)
        if not test.upstream:
            ready.append((_rank(test), test))
    heapq.heapify(ready)
    found: list[Planned] = []
    while ready:
        _, test = heapq.heappop(ready)
        found += _planned(test)
        for after in behind.get(test.name, ()):
            unmet[after.name] -= 1
            if not unmet[after.name]:
                heapq.heappush(ready, (_rank(after), after))
    return found


def _rank(test: Test) -> Rank:
    return rank(TestId(test.name), test.requirements, test.tail_s)


def _planned(test: Test) -> list[Planned]:
    if test.awaits_items:
        return [Planned(TestId(test.name), "its items are evaluated when its prerequisites are met")]
    return [
        Planned(row.test_id, row.reason)
        for row in test.each_row()
        if row.stage in (Stage.WAITING, Stage.READY)
    ]
