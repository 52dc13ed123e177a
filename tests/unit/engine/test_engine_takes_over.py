"""What an engine makes of what another one left: small cases, without processes."""

from __future__ import annotations

from collections.abc import Sequence

from fakes.engine_world import EngineWorld
from fakes.executor import FakeExecutor
from fakes.executor import Plan as JobPlan
from fakes.store import FakeStore
from megatest.engine.interrupt import Level
from megatest.engine.settle import verdict
from megatest.model.error import EnvironmentFault
from megatest.model.job import NOT_STARTED_CODE, ChangeKind, Job, JobChange


def left_running(**jobs: JobPlan) -> EngineWorld:
    """Return a world whose engine went away ten seconds after its start."""
    world = EngineWorld(graph=tuple(jobs), jobs=jobs)
    due = world.clock.seconds + 10

    def leave() -> None:
        if world.clock.seconds >= due:
            world.interrupts.level = Level.LEAVE

    world.waiter.before = leave
    world.run()
    world.interrupts.level = Level.NONE
    world.waiter.before = lambda: None
    return world


class SlowToAsk(FakeExecutor):
    """Between the look into the journals and the question who lives, a minute goes by."""

    def adopt(self, jobs: Sequence[tuple[Job, str]]) -> Sequence[JobChange]:
        clock = self.cluster.clock.__self__  # type: ignore[attr-defined]
        clock.seconds += 60
        return super().adopt(jobs)


def test_what_ends_while_it_is_being_taken_over_keeps_its_result() -> None:
    world = left_running(a=JobPlan(lasts_s=30))
    world.make_executor = SlowToAsk
    world.run()
    assert world.results() == {"a": "COMPLETED/PASS"}
    assert world.record("a").comment == ""
    assert world.watcher.launches == ["a.1"]


def test_a_kill_request_that_stands_at_the_start_is_carried_out() -> None:
    world = left_running(a=JobPlan(lasts_s=5000))
    FakeStore(world.records).set_state_status(
        [world.record("a").id], state="KILLREQ", user="u", reason="r", time=0
    )
    world.run()
    assert world.results() == {"a": "KILLED/FAIL"}
    assert world.clock.seconds < 1100


def test_an_adopted_test_keeps_its_limit() -> None:
    world = EngineWorld(graph=("a",), jobs={"a": JobPlan(lasts_s=5000)}, limit_s={"a": 60})
    world.waiter.before = lambda: setattr(world.interrupts, "level", Level.LEAVE)
    world.run()
    world.interrupts.level = Level.NONE
    world.waiter.before = lambda: None
    world.run()
    assert world.results() == {"a": "KILLED/FAIL"}
    assert "limit of 60 s" in world.record("a").comment


class StartsTwice(FakeExecutor):
    """A batch system that started the job a second time; that script found it begun, and said so."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.told = False

    def poll(self) -> Sequence[JobChange]:
        news = list(super().poll())
        if news and not self.told and news[0].kind is ChangeKind.STARTED:
            self.told = True
            row, attempt = news[0].row, news[0].attempt
            kind = ChangeKind.ENDED
            news.append(JobChange(row=row, attempt=attempt, kind=kind, code=NOT_STARTED_CODE))
        return news


def test_a_second_script_of_an_attempt_that_has_begun_says_nothing_about_it() -> None:
    world = EngineWorld(graph=("a",), jobs={"a": JobPlan(lasts_s=5)})
    world.make_executor = StartsTwice
    world.run()
    assert world.results() == {"a": "COMPLETED/PASS"}
    assert world.watcher.launches == ["a.1"]


def test_a_script_that_never_began_is_no_verdict() -> None:
    change = JobChange(row=1, attempt=1, kind=ChangeKind.ENDED, code=NOT_STARTED_CODE)
    assert verdict(ended=None, change=change, said=None, ending="").state == "INCOMPLETE"


def test_success_without_an_exit_record_counts_only_for_what_has_begun() -> None:
    change = JobChange(row=1, attempt=1, kind=ChangeKind.ENDED, code=0)
    assert verdict(ended=None, change=change, said=None, ending="", began=True).status == "PASS"
    assert verdict(ended=None, change=change, said=None, ending="").state == "INCOMPLETE"


def test_a_commit_that_is_tried_again_is_logged_once() -> None:
    world = EngineWorld(graph=("a",), jobs={"a": JobPlan(lasts_s=5)})
    waits = 0

    def break_for_a_while() -> None:
        nonlocal waits
        waits += 1
        world.records.broken = EnvironmentFault("no room") if 2 <= waits <= 20 else None

    world.waiter.before = break_for_a_while
    world.run()
    assert world.results() == {"a": "COMPLETED/PASS"}
    assert len(world.log.commits) <= 4
