"""Measured values on their way from the journal to the records, and what status AUTO makes of them."""

from __future__ import annotations

import pytest

from fakes.engine_world import EngineWorld
from fakes.executor import Plan
from fakes.store import FakeStore
from megatest.engine.measure import Tally
from megatest.engine.settle import Verdict, verdict
from megatest.model.attempt import Ended, Entry, StatusSaid, ValueSaid
from megatest.model.job import ChangeKind, JobChange
from megatest.model.record import ValueRecord
from megatest.plan.rerun import RerunRequest

GOOD = ValueSaid(category="c", variable="good", value="1", expected="1", tol="0")
BAD = ValueSaid(category="c", variable="bad", value="2", expected="1", tol="0", units="V")


def world_of(*said: Entry, plan: Plan | None = None) -> EngineWorld:
    return EngineWorld(graph=("a:",), said={"a": said}, jobs={"a": plan or Plan()})


def values(world: EngineWorld) -> list[ValueRecord]:
    return list(FakeStore(world.records).values(world.record("a").id))


def test_values_reach_the_records_and_the_runs_journal_with_a_status() -> None:
    world = world_of(GOOD, BAD)
    world.run()

    row = world.record("a").id
    bad = ValueRecord(
        test_row=row, category="c", variable="bad", value="2", expected="1", tol="0", units="V", status="fail"
    )
    assert [value.status for value in values(world)] == ["pass", "fail"]
    assert values(world)[1] == bad
    assert any(bad in changes for _, changes in world.log.commits)
    assert world.results() == {"a": "COMPLETED/PASS"}  # it did not leave the verdict to them


def test_a_value_said_twice_is_one_value() -> None:
    world = world_of(BAD, GOOD, ValueSaid(category="c", variable="bad", value="1", expected="1", tol="0"))
    world.run()

    assert sorted((value.variable, value.status) for value in values(world)) == [
        ("bad", "pass"),
        ("good", "pass"),
    ]


def test_another_attempt_begins_without_the_values_of_the_last() -> None:
    world = world_of(BAD, plan=Plan(code=1))
    world.run()
    world.said = {}
    world.run(request=RerunRequest(everything=True))

    assert world.record("a").attempt == 2
    assert values(world) == []


@pytest.mark.parametrize("state", ["RUNNING", "COMPLETED"])
@pytest.mark.parametrize(
    ("said", "code", "result", "comment"),
    [
        ((GOOD,), 0, "COMPLETED/PASS", ""),
        ((GOOD, BAD), 0, "COMPLETED/FAIL", "1 of 2 measured values fail"),
        ((), 0, "COMPLETED/AUTO", "no measured value says pass or fail"),
    ],
)
def test_status_auto_leaves_the_verdict_to_the_values(
    state: str, said: tuple[Entry, ...], code: int, result: str, comment: str
) -> None:
    world = world_of(StatusSaid(state=state, status="AUTO"), *said, plan=Plan(code=code))
    world.run()

    assert world.results() == {"a": result}
    assert world.record("a").comment == comment


def test_a_test_that_says_auto_and_fails_has_failed() -> None:
    world = world_of(StatusSaid(state="RUNNING", status="AUTO"), GOOD, plan=Plan(code=1))
    world.run()

    assert world.results() == {"a": "COMPLETED/FAIL"}


def test_the_counts_of_the_values_that_decided_are_recorded() -> None:
    world = world_of(StatusSaid(state="COMPLETED", status="AUTO", comment="own"), GOOD, BAD)
    world.run()

    record = world.record("a")
    assert (record.fail_count, record.pass_count, record.comment) == (1, 1, "own")


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ((StatusSaid(state="COMPLETED", status="PASS"), BAD), "FAIL"),
        ((BAD, StatusSaid(state="COMPLETED", status="PASS")), "PASS"),
        ((StatusSaid(state="COMPLETED", status="n/a"), GOOD), "PASS"),
        ((StatusSaid(state="COMPLETED", status="WARN"), GOOD), "WARN"),
        ((StatusSaid(state="RUNNING", status="WARN"), BAD), "PASS"),  # the exit code has the last word
    ],
)
def test_what_a_test_measures_after_its_own_verdict_counts_too(said: tuple[Entry, ...], status: str) -> None:
    world = world_of(*said)
    world.run()

    record = world.record("a")
    assert (record.state, record.status) == ("COMPLETED", status)
    assert (record.fail_count, record.pass_count) == (int(BAD in said), int(GOOD in said))


def test_the_counts_of_an_attempt_are_not_those_of_the_one_before() -> None:
    world = world_of(BAD, plan=Plan(code=1))
    world.run()
    assert world.record("a").fail_count == 1
    world.said = {}
    world.run(request=RerunRequest(everything=True))
    assert (world.record("a").attempt, world.record("a").fail_count) == (2, 0)


@pytest.mark.parametrize(
    ("own", "ended", "result"),
    [
        ("PASS", Ended(code=1, step="two"), Verdict("COMPLETED", "FAIL", "Failed at step two")),
        ("AUTO", Ended(code=1, step="two"), Verdict("COMPLETED", "FAIL", "Failed at step two")),
        (
            "PASS",
            Ended(code=2, step="two", judged=True),
            Verdict("COMPLETED", "WARN", "Logpro warning found"),
        ),
        ("WARN", Ended(code=0, step="two"), Verdict("COMPLETED", "WARN")),
        ("ABORT", Ended(code=1, step="two"), Verdict("COMPLETED", "ABORT")),
        ("PASS", Ended(code=1), Verdict("COMPLETED", "PASS")),
    ],
)
def test_a_tests_own_verdict_hides_its_scripts_exit_code_but_no_failed_step(
    own: str, ended: Ended, result: Verdict
) -> None:
    outcome = verdict(
        ended=ended,
        change=JobChange(row=1, attempt=1, kind=ChangeKind.ENDED),
        said=StatusSaid(state="COMPLETED", status=own),
        ending="",
    )

    assert outcome == result


@pytest.mark.parametrize(
    ("values", "status"), [(Tally(passes=1), "AUTO-WARN"), (Tally(), "AUTO-WARN"), (Tally(fails=1), "FAIL")]
)
def test_a_warning_stays_a_warning_unless_a_value_fails(values: Tally, status: str) -> None:
    outcome = verdict(
        ended=Ended(code=2, step="s", judged=True),
        change=JobChange(row=1, attempt=1, kind=ChangeKind.ENDED),
        said=StatusSaid(state="RUNNING", status="AUTO"),
        ending="",
        values=values,
    )

    assert outcome.status == status


@pytest.mark.parametrize(
    ("kind", "reason", "result"),
    [
        (
            ChangeKind.ENDED,
            "",
            Verdict("INCOMPLETE", "KILLED", "its job script was told to end by signal 15"),
        ),
        (ChangeKind.LOST, "it was preempted", Verdict("INCOMPLETE", "KILLED", "it was preempted")),
        (ChangeKind.ENDED, "it took too long", Verdict("COMPLETED", "FAIL", "it took too long")),
    ],
)
def test_that_its_script_was_told_to_end_is_no_verdict_but_the_reason_may_be_one(
    kind: ChangeKind, reason: str, result: Verdict
) -> None:
    outcome = verdict(
        ended=Ended(code=143, step="s", signal=15),
        change=JobChange(row=1, attempt=1, kind=kind, reason=reason),
        said=None,
        ending="",
    )
    assert outcome == result


def test_an_exit_that_rules_decided_is_read_by_their_table() -> None:
    def of(code: int, comment: str = "") -> Verdict:
        return verdict(
            ended=Ended(code=code, step="s", judged=True, comment=comment),
            change=JobChange(row=1, attempt=1, kind=ChangeKind.ENDED),
            said=None,
            ending="",
        )

    assert of(0) == Verdict("COMPLETED", "PASS")
    assert of(1) == Verdict("COMPLETED", "FAIL", "Failed at step s")
    assert of(1, "error: x") == Verdict("COMPLETED", "FAIL", "Failed at step s (error: x)")
    assert of(2) == Verdict("COMPLETED", "WARN", "Logpro warning found")
    assert [of(code).status for code in range(8)] == [
        *("PASS", "FAIL", "WARN", "CHECK", "WAIVED", "ABORT", "SKIP"),
        "FAIL",
    ]
