"""The engine before an executor with a queue: journals are the first to tell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from fakes.engine_world import EngineWorld
from fakes.executor import FakeCluster, FakeExecutor
from fakes.executor import Plan as JobPlan
from megatest.engine.interrupt import Level
from megatest.model.attempt import Revoked
from megatest.model.job import ChangeKind, JobChange


@dataclass
class Queue:
    """Makes executors that ask their queue once in many hours, and keeps the last one."""

    step_s: float = 50_000
    made: list[FakeExecutor] = field(default_factory=list)

    def __call__(self, cluster: FakeCluster) -> FakeExecutor:
        self.made.append(FakeExecutor(cluster, step_s=self.step_s, queues=True))
        return self.made[-1]


def _world(*graph: str, queue: Queue, **jobs: JobPlan) -> EngineWorld:
    world = EngineWorld(graph=graph, jobs=jobs, slots=100, make_executor=queue)
    world.waiter.before = world.cluster.advance
    return world


def test_an_exit_record_settles_a_test_long_before_the_queue_is_asked() -> None:
    queue = Queue()
    world = _world("a", "b: a", "c: b", queue=queue, a=JobPlan(lasts_s=20), b=JobPlan(lasts_s=1))
    began = world.clock.seconds
    world.run()
    assert set(world.results().values()) == {"COMPLETED/PASS"}
    assert world.clock.seconds - began < 30
    assert set(queue.made[-1].recorded_codes.values()) == {0}


def test_a_verdict_is_that_of_the_record() -> None:
    world = _world("a", queue=Queue(), a=JobPlan(lasts_s=2, code=7))
    world.run()
    assert world.results() == {"a": "COMPLETED/FAIL"}


def test_where_ends_are_known_as_they_happen_the_record_is_nobodys_news() -> None:
    executors: list[FakeExecutor] = []

    def plain(cluster: FakeCluster) -> FakeExecutor:
        executors.append(FakeExecutor(cluster))
        return executors[-1]

    world = EngineWorld(graph=("a",), jobs={"a": JobPlan(lasts_s=20)}, make_executor=plain)
    world.waiter.before = world.cluster.advance
    world.run()
    assert executors[-1].recorded_codes == {}


def test_the_time_in_the_queue_does_not_count_as_run_time() -> None:
    plan = JobPlan(waits_s=500, lasts_s=20)
    world = EngineWorld(graph=("a",), jobs={"a": plan}, limit_s={"a": 30}, make_executor=Queue())
    world.waiter.before = world.cluster.advance
    world.run()
    assert world.results() == {"a": "COMPLETED/PASS"}


def test_a_test_that_runs_for_too_long_is_killed_however_long_it_had_waited() -> None:
    plan = JobPlan(waits_s=500, lasts_s=1000)
    world = EngineWorld(graph=("a",), jobs={"a": plan}, limit_s={"a": 30}, make_executor=Queue(step_s=1))
    world.waiter.before = world.cluster.advance
    world.run()
    assert world.results() == {"a": "KILLED/FAIL"}
    assert "limit of 30 s" in world.record("a").comment
    assert 525 < world.clock.seconds - 1000 < 560


def test_what_waits_in_a_queue_keeps_its_place_when_the_engine_dies() -> None:
    queue = Queue(step_s=1)
    world = _world("a", "b: a", queue=queue, a=JobPlan(waits_s=100, lasts_s=5))

    def leave() -> None:
        world.cluster.advance()
        if world.clock.seconds > 1010:
            world.interrupts.level = Level.LEAVE

    world.waiter.before = leave
    world.run()
    world.interrupts.level = Level.NONE
    world.waiter.before = world.cluster.advance
    world.run()
    assert world.watcher.launches == ["a.1", "b.1"]
    assert set(world.results().values()) == {"COMPLETED/PASS"}


def test_what_the_queue_does_not_know_after_a_restart_is_taken_back_before_it_is_lost() -> None:
    world = _world("a", queue=Queue(step_s=1), a=JobPlan(waits_s=math.inf))

    def leave() -> None:
        world.interrupts.level = Level.LEAVE

    world.waiter.before = leave
    world.run()
    world.interrupts.level = Level.NONE
    world.cluster.forget()
    world.jobs = {}
    world.waiter.before = world.cluster.advance
    world.run()
    assert world.workarea.journals["/runs/a.1"] == [Revoked(attempt=1)]
    assert world.watcher.launches == ["a.1", "a.2"]
    assert world.results() == {"a": "COMPLETED/PASS"}


class LateNews(FakeExecutor):
    """Loses its first job, and tells of that job's good end when the second attempt runs."""

    def poll(self) -> Sequence[JobChange]:
        news = super().poll()
        late = [
            replace(change, attempt=1, kind=ChangeKind.ENDED, code=0)
            for change in news
            if change.attempt == 2 and change.kind is ChangeKind.STARTED
        ]
        return [*news, *late]


def test_a_late_result_of_an_attempt_that_was_given_up_changes_nothing() -> None:
    world = EngineWorld(
        graph=("a",),
        jobs={"a.1": JobPlan(vanishes=True), "a.2": JobPlan(lasts_s=30, code=5)},
        make_executor=LateNews,
    )
    world.run()
    assert world.results() == {"a": "INCOMPLETE/STUCK/DEAD"}
    world.run()
    assert world.results() == {"a": "COMPLETED/FAIL"}
    assert world.watcher.launches == ["a.1", "a.2"]


def test_the_queues_reason_is_shown_while_a_test_waits_and_no_longer() -> None:
    plan = JobPlan(waits_s=100, lasts_s=50, pending_reason="Slurm: its owner holds it")
    world = EngineWorld(graph=("a",), jobs={"a": plan}, make_executor=Queue(step_s=1))
    comments: dict[str, set[str]] = {}

    def look() -> None:
        world.cluster.advance()
        if world.clock.seconds > 1005:
            record = world.record("a")
            comments.setdefault(record.state, set()).add(record.comment)

    world.waiter.before = look
    world.run()
    assert comments == {"LAUNCHED": {"Slurm: its owner holds it"}, "RUNNING": {""}}
    assert world.record("a").comment == ""


def test_the_reason_goes_too_when_another_engine_sees_the_beginning() -> None:
    plan = JobPlan(waits_s=100, lasts_s=5, pending_reason="Slurm: Licenses")
    world = EngineWorld(graph=("a",), jobs={"a": plan}, make_executor=Queue(step_s=1))

    def leave() -> None:
        world.cluster.advance()
        if world.clock.seconds > 1010:
            world.interrupts.level = Level.LEAVE

    world.waiter.before = leave
    world.run()
    assert world.record("a").comment == "Slurm: Licenses"
    world.interrupts.level = Level.NONE
    world.waiter.before = world.cluster.advance
    world.run()
    assert (world.results()["a"], world.record("a").comment) == ("COMPLETED/PASS", "")
