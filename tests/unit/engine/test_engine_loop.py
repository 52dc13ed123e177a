import pytest

from fakes.engine_world import EngineWorld
from fakes.executor import Plan as JobPlan
from megatest.engine.interrupt import Level
from megatest.engine.loop import RENEW_EVERY_S
from megatest.model.attempt import LogSaid, Started, StatusSaid, StepSaid
from megatest.model.change import TestChange
from megatest.model.error import DatabaseLost, EnvironmentFault
from megatest.model.record import TestRecord
from megatest.model.spec import ItemVariable
from megatest.plan.rerun import RerunRequest


def test_a_chain_runs_in_order_and_passes() -> None:
    world = EngineWorld(graph=("a", "b: a", "c: b"))
    outcome = world.run()
    assert world.watcher.launches == ["a.1", "b.1", "c.1"]
    assert set(world.results().values()) == {"COMPLETED/PASS"}
    assert (outcome.launched, outcome.good, outcome.bad) == (3, 3, 0)


def test_what_stands_behind_a_failure_is_settled_at_once_and_not_started() -> None:
    world = EngineWorld(graph=("a", "b: a", "c: b"), jobs={"a": JobPlan(code=3)})
    outcome = world.run()
    assert world.results() == {
        "a": "COMPLETED/FAIL",
        "b": "NOT_STARTED/PREQ_FAIL",
        "c": "NOT_STARTED/PREQ_FAIL",
    }
    assert world.watcher.launches == ["a.1"]
    assert "a" in world.record("b").comment
    assert outcome.unrunnable == 2


def test_no_more_tests_run_at_once_than_the_limit_allows() -> None:
    world = EngineWorld(
        graph=tuple(f"t{n}" for n in range(7)), jobs={f"t{n}": JobPlan(lasts_s=5) for n in range(7)}, slots=3
    )
    most = []
    world.waiter.before = lambda: most.append(len(world.cluster.started) - len(world.watcher.ends))
    world.run()
    assert max(most) == 3


def test_items_roll_up_into_their_parent() -> None:
    world = EngineWorld(graph=("t[x y z]",), jobs={"t/y": JobPlan(code=1)})
    world.run()
    assert world.results()["t"] == "COMPLETED/FAIL"
    parent = world.record("t")
    assert parent.is_parent
    assert (parent.pass_count, parent.fail_count) == (2, 1)


def test_items_that_a_prerequisite_makes_are_expanded_after_it() -> None:
    world = EngineWorld(
        graph=("made", "t: made"), late_items={"t": (ItemVariable(name="I", values=("p", "q")),)}
    )
    world.run()
    assert world.watcher.launches[0] == "made.1"
    assert world.results()["t/p"] == world.results()["t/q"] == "COMPLETED/PASS"


def test_item_lists_without_values_end_the_test_and_say_so() -> None:
    world = EngineWorld(graph=("made", "t: made"), late_items={"t": (ItemVariable(name="I", values=()),)})
    world.run()
    assert world.results()["t"] == "NOT_STARTED/ZERO_ITEMS"


def test_a_named_item_that_turns_out_not_to_exist_is_no_success() -> None:
    world = EngineWorld(
        graph=("made", "t: made"), late_items={"t": (ItemVariable(name="I", values=("p", "q")),)}
    )
    outcome = world.run("t/p,t/9")
    assert (outcome.good, outcome.unrunnable) == (2, 1)
    assert world.watcher.sentences == ["test 't' has no item '9'"]


def test_a_second_run_runs_only_what_it_must() -> None:
    world = EngineWorld(graph=("a", "b", "c: b"), jobs={"b.1": JobPlan(code=1)})
    world.run()
    world.watcher.launches.clear()
    world.run()
    assert world.watcher.launches == ["b.2", "c.1"]
    assert set(world.results().values()) == {"COMPLETED/PASS"}


def test_force_runs_good_results_again_and_asks_for_no_prerequisite() -> None:
    world = EngineWorld(graph=("a", "b: a"), jobs={"a": JobPlan(code=1)})
    world.run("b", RerunRequest(force=True))
    assert world.results() == {"b": "COMPLETED/PASS"}
    world.run("b", RerunRequest(force=True))
    assert world.watcher.launches == ["b.1", "b.2"]


def test_a_test_that_outlasts_its_limit_is_killed_and_says_why() -> None:
    world = EngineWorld(graph=("slow",), jobs={"slow": JobPlan(lasts_s=1000)}, limit_s={"slow": 30})
    world.run()
    assert world.results() == {"slow": "KILLED/FAIL"}
    assert "limit of 30 s" in world.record("slow").comment
    assert world.clock.seconds < 1100


def test_a_test_that_ignores_the_request_ends_after_the_grace() -> None:
    world = EngineWorld(
        graph=("deaf",), jobs={"deaf": JobPlan(lasts_s=1000, ignores_term=True)}, limit_s={"deaf": 10}
    )
    began = world.clock.seconds
    world.run()
    assert world.results() == {"deaf": "KILLED/FAIL"}
    assert 15 <= world.clock.seconds - began < 20


def test_a_kill_request_reaches_a_running_test() -> None:
    world = EngineWorld(graph=("slow", "other"), jobs={"slow": JobPlan(lasts_s=1000)})
    _ask_for_the_end_of(world, "slow", at_s=5)
    world.run()
    assert world.results() == {"slow": "KILLED/FAIL", "other": "COMPLETED/PASS"}


def test_a_kill_request_before_the_start_is_honoured() -> None:
    world = EngineWorld(graph=("first", "later: first"), jobs={"first": JobPlan(lasts_s=20)})
    _ask_for_the_end_of(world, "later", at_s=5)
    world.run()
    assert world.watcher.launches == ["first.1"]
    assert world.results()["later"] == "KILLED/FAIL"


def test_tests_that_wait_for_each_other_are_killed_together_and_what_nobody_killed_cannot_run() -> None:
    graph = ("first", "c: first", "b: c", "a: b", "behind: a")
    world = EngineWorld(graph=graph, jobs={"first": JobPlan(lasts_s=20)})
    _ask_for_the_end_of(world, "a", "b", "c", at_s=5)
    outcome = world.run()
    killed = ("KILLED/FAIL", "killed on request before it began")
    assert sorted(world.watcher.ends) == [
        ("a", *killed),
        ("b", *killed),
        ("behind", "NOT_STARTED/PREQ_FAIL", world.record("behind").comment),
        ("c", *killed),
        ("first", "COMPLETED/PASS", ""),
    ]
    assert (outcome.good, outcome.unrunnable) == (1, 4)
    assert world.watcher.launches == ["first.1"]


def test_a_lost_job_is_incomplete_and_never_a_verdict() -> None:
    world = EngineWorld(graph=("a",), jobs={"a.1": JobPlan(vanishes=True)})
    world.run()
    assert world.results() == {"a": "INCOMPLETE/STUCK/DEAD"}
    assert world.record("a").comment == "Test is stuck or dead"
    world.run()
    assert world.results() == {"a": "COMPLETED/PASS"}


def test_a_job_that_cannot_be_started_fails_with_the_reason() -> None:
    world = EngineWorld(graph=("a",), jobs={"a": JobPlan(refused="no such queue: fast")})
    world.run()
    assert world.results() == {"a": "COMPLETED/FAIL"}
    assert world.record("a").comment == "no such queue: fast"


def test_a_run_directory_that_cannot_be_made_fails_that_test_only() -> None:
    world = EngineWorld(graph=("a", "b"))
    world.workarea.unpreparable["a"] = "tests/a/main.sh cannot be read"
    world.run()
    assert world.results() == {"a": "COMPLETED/FAIL", "b": "COMPLETED/PASS"}
    assert world.record("a").comment == "tests/a/main.sh cannot be read"


def test_a_skipped_test_lets_those_behind_it_run() -> None:
    world = EngineWorld(graph=("a", "b: a"), skips={"a": "too-long exists"})
    world.run()
    assert world.results() == {"a": "COMPLETED/SKIP", "b": "COMPLETED/PASS"}
    assert world.watcher.launches == ["b.1"]


def test_what_a_test_says_of_itself_outranks_its_exit_code() -> None:
    world = EngineWorld(
        graph=("a", "b"),
        jobs={"a": JobPlan(code=1), "b": JobPlan(code=0)},
        said={
            "a": (StatusSaid(state="COMPLETED", status="0", comment="fine"),),
            "b": (StatusSaid(state="COMPLETED", status="7"),),
        },
    )
    world.run()
    assert world.results() == {"a": "COMPLETED/PASS", "b": "COMPLETED/FAIL"}
    assert world.record("a").comment == "fine"


def test_a_status_that_is_no_end_does_not_outrank_the_exit_code() -> None:
    world = EngineWorld(
        graph=("a",), jobs={"a": JobPlan(code=3)}, said={"a": (StatusSaid(state="RUNNING", status="PASS"),)}
    )
    world.run()
    assert world.results() == {"a": "COMPLETED/FAIL"}


@pytest.mark.parametrize("state", ["NOT_STARTED", "LAUNCHED", "KILLREQ", "STUCK", "DELETED", "BUILDING"])
def test_no_word_of_a_test_hides_that_it_runs(state: str) -> None:
    world = EngineWorld(
        graph=("a", "b: a"),
        jobs={"a": JobPlan(lasts_s=50)},
        said={"a": (StatusSaid(state=state, status="WARN", comment="halfway"),)},
    )
    seen: set[str] = set()
    world.waiter.before = lambda: seen.add(_summary(world.record("a")))
    world.run()
    assert "RUNNING/WARN halfway" in seen
    assert seen <= {"LAUNCHED/n/a ", "RUNNING/n/a ", "RUNNING/WARN halfway", "COMPLETED/PASS halfway"}
    assert world.results() == {"a": "COMPLETED/PASS", "b": "COMPLETED/PASS"}


def _summary(record: TestRecord) -> str:
    return f"{record.state}/{record.status} {record.comment}"


@pytest.mark.parametrize(
    ("said", "recorded"),
    [("0", "PASS"), ("-0", "PASS"), ("000", "PASS"), ("9" * 5000, "FAIL"), ("-1", "FAIL")]
    + [(word, word) for word in ("--5", "-", "", "²", "٣", "1.0", "0 ", "pass")],
)
def test_a_status_that_is_a_whole_number_is_an_exit_code(said: str, recorded: str) -> None:
    world = EngineWorld(graph=("a",), said={"a": (StatusSaid(state="COMPLETED", status=said),)})
    world.run()
    assert world.results() == {"a": f"COMPLETED/{recorded}"}


@pytest.mark.parametrize("uptime_s", [-9e18, 9e18])
@pytest.mark.parametrize("started_at", [0, 1, (1 << 63) - 1, -(1 << 63) + 1])
def test_no_time_in_a_journal_is_too_large_to_be_recorded(uptime_s: float, started_at: int) -> None:
    world = EngineWorld(
        graph=("a",),
        said={
            "a": (
                Started(attempt=1, pid=1, host="far", uname="Linux", time=started_at),
                StepSaid(step="s", state="end", status="0", uptime_s=uptime_s),
            )
        },
    )
    world.run()
    (step,) = world.records.steps.values()
    assert step.event_time in (0, 253_370_764_800)


def test_steps_and_logs_of_the_journal_are_recorded() -> None:
    world = EngineWorld(
        graph=("t[x]",),
        said={
            "t/x": (
                StepSaid(step="build", state="start", status="-"),
                StepSaid(step="build", state="end", status="0", log="build.log"),
                LogSaid(log="report.html"),
                LogSaid(log="all.html", top=True),
            )
        },
    )
    world.run()
    steps = world.records.steps
    assert {(s.stepname, s.state, s.status, s.logfile) for s in steps.values()} == {
        ("build", "start", "-", ""),
        ("build", "end", "0", "build.log"),
    }
    assert world.record("t/x").final_logf == "report.html"
    assert world.record("t").final_logf == "all.html"


@pytest.mark.parametrize(("code", "result"), [(0, "INCOMPLETE/STUCK/DEAD"), (3, "COMPLETED/FAIL")])
def test_a_journal_that_cannot_be_read_is_its_own_tests_trouble_only(code: int, result: str) -> None:
    world = EngineWorld(graph=("a", "b"), jobs={"a": JobPlan(code=code)})
    world.workarea.unreadable = {"/runs/a.1"}
    world.run()
    assert world.results() == {"a": result, "b": "COMPLETED/PASS"}
    assert "a: cannot read /runs/a.1/journal: Permission denied" in world.watcher.sentences
    if code == 0:
        assert world.record("a").comment == "cannot read /runs/a.1/journal: Permission denied"


def test_a_journal_that_cannot_be_read_for_a_while_is_read_when_it_can() -> None:
    world = EngineWorld(
        graph=("a",),
        jobs={"a": JobPlan(lasts_s=50)},
        said={"a": (StatusSaid(state="COMPLETED", status="WARN"),)},
    )
    world.workarea.unreadable = {"/runs/a.1"}

    def mend() -> None:
        if world.clock.seconds > 1010:
            world.workarea.unreadable.clear()

    world.waiter.before = mend
    world.run()
    assert world.results() == {"a": "COMPLETED/WARN"}
    assert world.watcher.sentences == []


def test_an_engine_takes_over_beside_a_journal_that_it_cannot_read() -> None:
    world = EngineWorld(graph=("a", "b"), jobs={"a": JobPlan(lasts_s=100), "b": JobPlan(lasts_s=100)})
    _interrupt(world, Level.LEAVE, at_s=10)
    world.run()
    world.interrupts.level = Level.NONE
    world.waiter.before = lambda: None
    world.workarea.unreadable = {"/runs/a.1"}
    world.run()
    assert world.results() == {"a": "INCOMPLETE/STUCK/DEAD", "b": "COMPLETED/PASS"}


def test_the_first_interrupt_waits_for_what_runs_and_starts_nothing_more() -> None:
    world = EngineWorld(graph=("a", "b: a"), jobs={"a": JobPlan(lasts_s=50)})
    _interrupt(world, Level.DRAIN, at_s=10)
    outcome = world.run()
    assert world.results() == {"a": "COMPLETED/PASS", "b": "NOT_STARTED/n/a"}
    assert (outcome.interrupted, outcome.waiting) == (Level.DRAIN, 1)


def test_the_second_interrupt_kills_what_runs() -> None:
    world = EngineWorld(graph=("a",), jobs={"a": JobPlan(lasts_s=5000)})
    _interrupt(world, Level.KILL, at_s=10)
    world.run()
    assert world.results() == {"a": "KILLED/FAIL"}


def test_an_interrupt_also_reaches_a_test_whose_launch_waits_for_the_store() -> None:
    world = EngineWorld(graph=("a", "b"), jobs={"a": JobPlan(lasts_s=7), "b": JobPlan(lasts_s=5000)}, slots=1)
    began = world.clock.seconds

    def happen() -> None:
        passed = world.clock.seconds - began
        world.records.broken = EnvironmentFault("no space") if 6 <= passed < 30 else None
        if passed >= 20:
            world.interrupts.level = Level.KILL

    world.waiter.before = happen
    world.run()
    assert world.results() == {"a": "COMPLETED/PASS", "b": "KILLED/FAIL"}
    assert "interrupted: ending 1 running test" in world.watcher.sentences


@pytest.mark.parametrize("level", [Level.NONE, Level.DRAIN])
def test_an_engine_whose_database_is_lost_ends_at_once_and_leaves_its_tests_alone(level: Level) -> None:
    world = EngineWorld(graph=("a", "b"), jobs={"a": JobPlan(lasts_s=50)}, slots=1)
    began = world.clock.seconds

    def lose_the_database() -> None:
        world.interrupts.level = level
        world.records.broken = DatabaseLost("it was removed while it was in use")

    world.waiter.before = lose_the_database
    with pytest.raises(DatabaseLost, match="was removed"):
        world.run()
    assert world.clock.seconds - began <= RENEW_EVERY_S + 1
    world.interrupts.level = Level.NONE
    world.records.broken, world.waiter.before = None, lambda: None
    world.run()
    assert world.results() == {"a": "COMPLETED/PASS", "b": "COMPLETED/PASS"}
    assert world.watcher.launches == ["a.1", "b.1"]


def test_told_to_end_the_engine_leaves_tests_running_and_the_next_adopts_them() -> None:
    world = EngineWorld(graph=("a", "b: a"), jobs={"a": JobPlan(lasts_s=100)})
    _interrupt(world, Level.LEAVE, at_s=10)
    outcome = world.run()
    assert outcome.running == 1
    world.interrupts.level = Level.NONE
    world.waiter.before = lambda: None
    world.run()
    assert world.results() == {"a": "COMPLETED/PASS", "b": "COMPLETED/PASS"}
    assert world.watcher.launches == ["a.1", "b.1"]


def test_nothing_is_launched_while_the_disk_is_full_and_it_goes_on_by_itself() -> None:
    world = EngineWorld(graph=("a",))
    world.workarea.full = "/runs has 3 KiB left, it needs 10000"

    def make_room() -> None:
        if world.waiter.waits > 5:
            assert world.watcher.launches == []
            world.workarea.full = ""
            world.waiter.before = lambda: None

    world.waiter.before = make_room
    world.run()
    assert world.results() == {"a": "COMPLETED/PASS"}
    assert world.watcher.sentences == [
        "nothing is launched: /runs has 3 KiB left, it needs 10000",
        "launching again",
    ]


def test_every_commit_is_logged_before_it_is_made() -> None:
    world = EngineWorld(graph=("a", "b: a"))
    world.run()
    logged = [c for _, changes in world.log.commits for c in changes]
    assert [c.state for c in logged if isinstance(c, TestChange) and c.state] == [
        "LAUNCHED",
        "COMPLETED",
        "LAUNCHED",
        "COMPLETED",
    ]


def _ask_for_the_end_of(world: EngineWorld, *names: str, at_s: float) -> None:
    due = world.clock.seconds + at_s

    def ask() -> None:
        if world.clock.seconds >= due:
            from fakes.store import FakeStore

            rows = [world.record(name).id for name in names]
            FakeStore(world.records).request_kill(rows, held=True, user="u", reason="test", time=0)
            world.waiter.before = lambda: None

    world.waiter.before = ask


def _interrupt(world: EngineWorld, level: Level, *, at_s: float) -> None:
    due = world.clock.seconds + at_s

    def interrupt() -> None:
        if world.clock.seconds >= due:
            world.interrupts.level = level

    world.waiter.before = interrupt


def test_a_second_run_keeps_the_results_of_items_that_were_expanded_late() -> None:
    world = EngineWorld(
        graph=("made", "t: made", "bad"),
        late_items={"t": (ItemVariable(name="I", values=("p", "q")),)},
        jobs={"bad.1": JobPlan(code=1)},
    )
    world.run()
    world.watcher.launches.clear()
    world.run()
    assert world.watcher.launches == ["bad.2"]
    assert world.results()["t"] == "COMPLETED/PASS"


def test_force_evaluates_late_items_at_once() -> None:
    world = EngineWorld(
        graph=("made", "t: made"), late_items={"t": (ItemVariable(name="I", values=("p", "q")),)}
    )
    world.run("t", RerunRequest(force=True))
    assert sorted(world.watcher.launches) == ["t/p.1", "t/q.1"]
