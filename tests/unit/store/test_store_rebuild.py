"""A database made anew from records, in place of one that is lost or damaged."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fakes.records import run_record
from megatest.model.error import EnvironmentFault
from megatest.model.ids import TestId
from megatest.model.record import AttemptRecord, StepRecord, TestRecord, ValueRecord
from megatest.model.spec import Field
from megatest.store.rebuild import ASIDE, import_rows
from megatest.store.sqlite import SqliteStore, open_store

FIELDS = (Field(name="sysname"), Field(name="fsname"))
RUN = run_record("ubuntu", "nfs", id=7, runname="w1", event_time=5, comment="c", fail_count=1, pass_count=2)
TEST = TestRecord(
    id=30,
    run_id=7,
    test_id=TestId("a", "x/1"),
    state="COMPLETED",
    status="PASS",
    attempt=2,
    host="h",
    uname="u",
    cpuload=0.5,
    diskfree_kib=9,
    rundir="/lt/a",
    shortdir="/d/a",
    final_logf="a.log",
    run_duration_s=1.5,
    comment="r\udce9sum\udce9",
    event_time=6,
    executor="local",
    flaky=True,
    retries=1,
    signature="abc",
    failure="x\ny",
)
PARENT = TestRecord(
    id=29, run_id=7, test_id=TestId("a"), state="COMPLETED", status="PASS", is_parent=True, pass_count=1
)
STEP = StepRecord(test_row=30, stepname="s", state="end", status="0", event_time=6, comment="c", logfile="l")
ATTEMPT = AttemptRecord(
    test_row=30, attempt=1, state="COMPLETED", status="FAIL", comment="c", host="h", event_time=5,
    run_duration_s=0.5, signature="s", failure="f",
)  # fmt: skip
VALUE = ValueRecord(test_row=30, category="c", variable="v", value="1.5")


class StoppedClock:
    def now(self) -> float:
        return 0.0


def opened(path: Path) -> SqliteStore:
    return open_store(str(path), FIELDS, create=True, clock=StoppedClock())


def rebuild(path: Path) -> None:
    import_rows(
        str(path),
        FIELDS,
        runs=iter([RUN]),
        tests=iter([PARENT, TEST]),
        steps=iter([STEP]),
        values=iter([VALUE]),
        attempts=iter([ATTEMPT]),
        clock=StoppedClock(),
    )


def test_records_keep_their_ids_and_everything_else(tmp_path: Path) -> None:
    path = tmp_path / "megatest.db"
    rebuild(path)
    assert list(tmp_path.iterdir()) == [path]
    with closing(opened(path)) as store:
        assert store.runs() == [RUN]
        assert store.tests(7) == [PARENT, TEST]
        assert store.steps(30) == [STEP]
        assert store.values(30) == [VALUE]
        assert store.attempts(30) == [ATTEMPT]
        assert store.register_run(RUN.target, "w2", owner="me", time=1).id == 8
        (new,) = store.register_tests(7, [(TestId("b"), False)], 1, None).values()
        assert new.id == 31


def test_the_database_that_was_there_is_kept_aside_with_its_log(tmp_path: Path) -> None:
    path = tmp_path / "megatest.db"
    with closing(opened(path)) as store:
        store.register_run(RUN.target, "old", owner="me", time=1)
        assert (tmp_path / "megatest.db-wal").stat().st_size > 0
        rebuild(path)
        with pytest.raises(EnvironmentFault, match="was replaced"):
            store.data_version()
    with closing(opened(path)) as store:
        assert [run.runname for run in store.runs()] == ["w1"]
    with closing(opened(Path(f"{path}{ASIDE}"))) as old:
        assert [run.runname for run in old.runs()] == ["old"]


def test_a_damaged_database_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "megatest.db"
    path.write_text("no database")
    rebuild(path)
    rebuild(path)
    with closing(opened(path)) as store:
        assert store.runs() == [RUN]


def test_a_rebuild_that_fails_leaves_everything_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "megatest.db"
    path.write_text("no database")
    with pytest.raises(sqlite3.IntegrityError):
        import_rows(str(path), FIELDS, runs=[RUN, RUN], tests=(), steps=(), clock=StoppedClock())
    assert path.read_text() == "no database"
    assert list(tmp_path.iterdir()) == [path]


def test_a_directory_that_cannot_take_the_new_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="cannot be made"):
        rebuild(tmp_path / "no" / "megatest.db")
