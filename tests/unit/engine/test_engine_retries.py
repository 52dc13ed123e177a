"""Retries, waived failures, slow opinions and the bell, in a world without processes."""

from fakes.engine_world import EngineWorld, FakeReviewer
from fakes.executor import Plan as JobPlan
from fakes.store import FakeStore
from megatest.engine.interrupt import Level
from megatest.model.record import AttemptRecord
from megatest.plan.rerun import RerunRequest


def world_of(*graph: str, **more: object) -> EngineWorld:
    return EngineWorld(graph=graph, **more)  # type: ignore[arg-type]


def attempts(world: EngineWorld, name: str) -> list[AttemptRecord]:
    return list(FakeStore(world.records).attempts(world.record(name).id))


def ask_for_the_end_of(world: EngineWorld, name: str, *, when: str) -> None:
    """Let somebody ask for a kill as soon as the record's comment or state says this."""
    store = FakeStore(world.records)
    asked: list[str] = []

    def ask() -> None:
        if world.run_id and not asked and any(str(t.test_id) == name for t in store.tests(world.run_id)):
            record = world.record(name)
            if when in (record.state, record.comment) or when in record.comment:
                asked.append(name)
                store.set_state_status([record.id], state="KILLREQ", user="me", reason="", time=0)

    world.waiter.before = ask


def test_a_failed_test_is_tried_again_and_its_pass_is_flaky() -> None:
    world = world_of("a", "b: a", jobs={"a.1": JobPlan(code=1)}, reviewer=FakeReviewer(retries={"a": 2}))
    outcome = world.run()
    assert world.watcher.launches == ["a.1", "a.2", "b.1"]
    assert world.results() == {"a": "COMPLETED/PASS", "b": "COMPLETED/PASS"}
    assert (outcome.good, outcome.bad, outcome.unrunnable) == (2, 0, 0)
    record = world.record("a")
    assert (record.flaky, record.retries, record.signature) == (True, 1, "")
    assert world.watcher.flaky == ["a"]
    assert not world.record("b").flaky


def test_after_the_last_retry_the_failure_stands_and_those_behind_are_settled_once() -> None:
    world = world_of("a", "b: a", jobs={"a": JobPlan(code=1)}, reviewer=FakeReviewer(retries={"a": 2}))
    outcome = world.run()
    assert world.watcher.launches == ["a.1", "a.2", "a.3"]
    assert world.results() == {"a": "COMPLETED/FAIL", "b": "NOT_STARTED/PREQ_FAIL"}
    assert (outcome.bad, outcome.unrunnable) == (1, 1)
    assert [(a.attempt, a.state, a.status) for a in attempts(world, "a")] == [
        (1, "COMPLETED", "FAIL"),
        (2, "COMPLETED", "FAIL"),
    ]
    record = world.record("a")
    assert record.signature == attempts(world, "a")[0].signature != ""
    assert not record.flaky


def test_nobody_sees_a_failure_that_is_tried_again_as_a_result() -> None:
    world = world_of("t[x y]", jobs={"t/x.1": JobPlan(code=1)}, reviewer=FakeReviewer(retries={"t": 1}))
    world.run()
    assert world.results()["t"] == "COMPLETED/PASS"
    assert not [heard for heard in world.bell.heard if "FAIL" in heard]
    ends = [(name, state) for name, state, _ in world.watcher.ends]
    assert ("t/x", "COMPLETED/FAIL") not in ends


def test_a_waived_failure_is_good_for_those_behind_and_is_not_tried_again() -> None:
    reviewer = FakeReviewer(retries={"a": 3}, waived={"a": "waived by ann: bug 1"})
    world = world_of("a", "b: a", jobs={"a": JobPlan(code=1)}, reviewer=reviewer)
    outcome = world.run()
    assert world.results() == {"a": "COMPLETED/WAIVED", "b": "COMPLETED/PASS"}
    assert world.record("a").comment == "waived by ann: bug 1"
    assert outcome.bad == 0


def test_a_waiver_that_does_not_hold_says_why() -> None:
    reviewer = FakeReviewer(objections={"a": "its waiver by ann expired"})
    world = world_of("a", jobs={"a": JobPlan(code=1)}, reviewer=reviewer)
    world.run()
    assert world.record("a").comment == "its waiver by ann expired"
    assert world.watcher.ends == [("a", "COMPLETED/FAIL", "its waiver by ann expired")]


def test_an_opinion_that_takes_time_holds_up_only_its_own_test() -> None:
    reviewer = FakeReviewer(waived={"a": "as before"}, slow=5)
    world = world_of("a", "b: a", "c", "d: c", jobs={"a": JobPlan(code=1)}, reviewer=reviewer)
    world.run()
    assert world.watcher.launches == ["a.1", "c.1", "d.1", "b.1"]
    assert world.results()["a"] == "COMPLETED/WAIVED"


def test_a_kill_request_during_a_slow_opinion_leaves_the_result_and_allows_no_retry() -> None:
    world = world_of("a", jobs={"a": JobPlan(code=1)}, reviewer=FakeReviewer(retries={"a": 5}, slow=6))
    store = FakeStore(world.records)

    def ask() -> None:
        if world.reviewer.asked and world.record("a").state == "RUNNING":
            store.request_kill([world.record("a").id], user="me", reason="", time=0)

    world.waiter.before = ask
    world.run()
    assert world.watcher.launches == ["a.1"]
    assert world.results() == {"a": "COMPLETED/FAIL"}


def test_killed_tests_are_not_tried_again() -> None:
    world = world_of(
        "slow",
        jobs={"slow": JobPlan(lasts_s=1000)},
        limit_s={"slow": 10},
        reviewer=FakeReviewer(retries={"slow": 3}),
    )
    world.run()
    assert world.watcher.launches == ["slow.1"]
    assert world.results() == {"slow": "KILLED/FAIL"}
    assert world.record("slow").signature


def test_a_lost_test_is_no_failure_to_look_at() -> None:
    world = world_of("a", jobs={"a": JobPlan(vanishes=True)}, reviewer=FakeReviewer(retries={"a": 3}))
    world.run()
    assert world.reviewer.asked == []
    assert world.results() == {"a": "INCOMPLETE/STUCK/DEAD"}


def test_a_retry_waits_for_room_like_any_other_start() -> None:
    world = world_of(
        "a",
        "b",
        jobs={"a.1": JobPlan(code=1), "b": JobPlan(lasts_s=50)},
        reviewer=FakeReviewer(retries={"a": 1}),
        slots=2,
    )
    world.run()
    assert world.results() == {"a": "COMPLETED/PASS", "b": "COMPLETED/PASS"}


def test_a_retry_that_is_due_when_the_engine_ends_is_made_by_the_next_one() -> None:
    world = world_of("a", jobs={"a.1": JobPlan(code=1, lasts_s=5)}, reviewer=FakeReviewer(retries={"a": 1}))

    def drain() -> None:
        if world.watcher.launches:
            world.interrupts.level = Level.DRAIN

    world.waiter.before = drain
    world.run()
    assert world.results() == {"a": "NOT_STARTED/n/a"}
    assert "retry 1 of 1 is due" in world.record("a").comment
    world.interrupts.level = Level.NONE
    world.waiter.before = lambda: None
    world.run(request=RerunRequest(rerun=frozenset({"ABORT"})))
    assert world.watcher.launches == ["a.1", "a.2"]
    assert world.record("a").flaky


def test_a_kill_request_before_the_retry_starts_is_honoured() -> None:
    world = world_of(
        "a",
        "b",
        jobs={"a": JobPlan(code=1, lasts_s=5), "b": JobPlan(lasts_s=40)},
        reviewer=FakeReviewer(retries={"a": 9}),
        slots=2,
    )
    ask_for_the_end_of(world, "a", when="is due")
    world.run()
    assert world.results()["b"] == "COMPLETED/PASS"
    assert world.results()["a"] in ("KILLED/FAIL", "COMPLETED/FAIL")


def test_recovery_tries_again_what_failed_while_no_engine_lived() -> None:
    world = world_of("a", jobs={"a.1": JobPlan(code=1, lasts_s=20)}, reviewer=FakeReviewer(retries={"a": 1}))

    def leave() -> None:
        if world.watcher.launches:
            world.interrupts.level = Level.LEAVE

    world.waiter.before = leave
    world.run()
    assert world.results() == {"a": "RUNNING/n/a"} or world.results() == {"a": "LAUNCHED/n/a"}
    world.clock.seconds += 100
    world.interrupts.level = Level.NONE
    world.waiter.before = lambda: None
    world.run()
    assert world.watcher.launches == ["a.1", "a.2"]
    record = world.record("a")
    assert (record.status, record.flaky, record.retries) == ("PASS", True, 1)
    assert [a.status for a in attempts(world, "a")] == ["FAIL"]


def test_a_fresh_request_counts_retries_anew_and_keeps_the_earlier_attempts() -> None:
    world = world_of("a", jobs={"a": JobPlan(code=1)}, reviewer=FakeReviewer(retries={"a": 1}))
    world.run()
    world.run()
    assert world.watcher.launches == ["a.1", "a.2", "a.3", "a.4"]
    assert [a.attempt for a in attempts(world, "a")] == [1, 2, 3]
    assert world.record("a").retries == 1


def test_a_pass_after_a_rerun_is_not_flaky() -> None:
    world = world_of(
        "a", jobs={"a.1": JobPlan(code=1), "a.2": JobPlan(code=1)}, reviewer=FakeReviewer(retries={"a": 1})
    )
    world.run()
    assert world.results() == {"a": "COMPLETED/FAIL"}
    world.run()
    assert world.results() == {"a": "COMPLETED/PASS"}
    assert not world.record("a").flaky


def test_the_bell_hears_each_move_once_it_is_committed_parents_included() -> None:
    world = world_of("t[x]")
    world.run()
    heard = world.bell.heard
    assert [h for h in heard if h.startswith("t/x ")] == [
        "t/x LAUNCHED/n/a",
        "t/x RUNNING/n/a",
        "t/x COMPLETED/PASS",
    ]
    assert heard[-1] == "t COMPLETED/PASS"


def test_a_retry_that_gets_lost_is_still_a_retry_for_the_next_engine() -> None:
    jobs = {"a.1": JobPlan(code=1), "a.2": JobPlan(vanishes=True)}
    world = world_of("a", jobs=jobs, reviewer=FakeReviewer(retries={"a": 1}))
    world.run()
    assert world.results() == {"a": "INCOMPLETE/STUCK/DEAD"}
    world.run()
    record = world.record("a")
    assert (record.status, record.attempt, record.flaky) == ("PASS", 3, True)
