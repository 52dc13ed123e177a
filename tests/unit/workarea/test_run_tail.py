"""The end of a run's journal, and what is written behind it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fakes.records import run_record
from megatest.model.change import TestChange
from megatest.model.ids import TestId
from megatest.model.record import StepRecord, TestRecord
from megatest.workarea.runlog import RunLog, read_run_log
from megatest.workarea.runtail import rows_at_the_end

RUN = run_record()
TEST = TestRecord(id=7, run_id=1, test_id=TestId("t", "x"), state="COMPLETED", status="PASS", attempt=2)
STEP = StepRecord(test_row=7, stepname="s", state="end", status="0", event_time=3)


def change(row: int, state: str = "LAUNCHED") -> TestChange:
    return TestChange(row=row, expected_state="NOT_STARTED", state=state)


def opened(tmp_path: Path) -> RunLog:
    return RunLog(str(tmp_path / "lt" / ".run.journal"))


def test_there_is_no_end_where_there_is_no_journal(tmp_path: Path) -> None:
    assert rows_at_the_end(str(tmp_path / "none")) == frozenset()


def test_the_last_commits_and_removals_are_found(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.changes([change(3), change(4)], token=1)
    log.gone([5])
    assert rows_at_the_end(log.path) == {3, 4, 5}


def test_a_last_line_longer_than_what_is_read_at_once_is_read_whole(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.changes([change(1)], token=1)
    log.changes([change(row) for row in range(2, 5000)], token=1)
    assert set(range(2, 5000)) <= rows_at_the_end(log.path)


def test_a_torn_last_line_hides_nothing(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.changes([change(3)], token=1)
    with open(log.path, "ab") as file:
        file.write(b'{"k":"changes","token":1,"chan')
    assert rows_at_the_end(log.path) == {3}


def test_how_rows_stand_replaces_whatever_was_said_of_them(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.run(RUN, ["SYSTEM"], "/area", 1)
    log.rows([replace(TEST, state="NOT_STARTED", status="n/a", attempt=0), replace(TEST, id=8)])
    log.changes([change(7), change(8)], token=1)
    log.stand([TEST], [STEP], gone=[8])
    history = read_run_log(log.path)
    assert history.tests == {7: TEST}
    assert history.steps == {7: {("s", "end"): STEP}}


def test_a_commit_of_an_engine_that_another_relieved_does_not_count(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.run(RUN, ["SYSTEM"], "/area", 1)
    log.rows([TEST])
    log.run(RUN, ["SYSTEM"], "/area", 2)
    log.changes([change(7, "LAUNCHED")], token=1)
    assert read_run_log(log.path).tests[7].state == "NOT_STARTED"
