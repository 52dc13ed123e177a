"""What `megatest doctor` learns about a database file."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from megatest.model.error import Diagnostic
from megatest.model.ids import Target, TestId
from megatest.model.lease import Holder
from megatest.model.spec import Field
from megatest.store.database import LARGEST_IDLE_WAL_BYTES
from megatest.store.health import examine
from megatest.store.sqlite import SqliteStore, open_store


class StoppedClock:
    def now(self) -> float:
        return 0.0


def opened(path: Path) -> SqliteStore:
    return open_store(str(path), [Field(name="sysname")], create=True, clock=StoppedClock())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "megatest.db"
    with closing(opened(path)) as store:
        run = store.register_run(Target(("u",)), "w1", owner="me", time=1)
        store.register_tests(run.id, [(TestId(f"t{n}"), False) for n in range(2000)], 1, None)
    return path


def said(path: Path) -> str:
    findings: Sequence[Diagnostic] = examine(str(path))
    return "\n".join(finding.render() for finding in findings)


def test_nothing_is_said_about_a_good_database(path: Path) -> None:
    assert said(path) == ""


def test_a_missing_database_is_a_note(tmp_path: Path) -> None:
    assert said(tmp_path / "megatest.db").startswith("note: ")
    (tmp_path / "megatest.db").touch()
    assert said(tmp_path / "megatest.db").startswith("note: ")


def test_damage_is_described_with_the_way_out(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 4096)
    assert "is damaged" in said(path)
    assert "megatest rebuild" in said(path)


def test_what_is_no_database_of_ours_is_told(tmp_path: Path) -> None:
    (tmp_path / "letter.db").write_text("a letter " * 100)
    assert "is not a database" in said(tmp_path / "letter.db")
    with closing(sqlite3.connect(tmp_path / "other.db")) as db:
        db.execute("CREATE TABLE moz_places (id)")
    assert "is a database of another program" in said(tmp_path / "other.db")


def test_an_old_schema_is_a_note(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 2")
    assert "has schema 2" in said(path)


def test_rows_that_belong_to_nothing_are_counted(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM runs")
        db.execute("INSERT INTO test_steps (test_id, stepname, state) VALUES (99999, 's', 'end')")
    assert "has 2000 tests of runs that do not exist" in said(path)
    assert "has 1 steps of tests that do not exist" in said(path)


def test_who_holds_a_run_is_named(path: Path) -> None:
    with closing(opened(path)) as store:
        store.acquire_lease(1, Holder(host="h", pid=3, user="bob"))
    assert "pid 3 of bob on h holds a run" in said(path)


def test_a_log_that_was_never_folded_in_is_told(path: Path) -> None:
    with closing(opened(path)):
        os.truncate(f"{path}-wal", LARGEST_IDLE_WAL_BYTES + 2**20)
        assert "megatest.db-wal has grown to 65 MiB" in said(path)
