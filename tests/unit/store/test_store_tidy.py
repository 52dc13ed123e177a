"""Taking out of a database what belongs to nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from megatest.model.error import EnvironmentFault
from megatest.model.ids import Target, TestId
from megatest.model.spec import Field
from megatest.store.health import examine
from megatest.store.sqlite import open_store
from megatest.store.tidy import tidy


class StoppedClock:
    def now(self) -> float:
        return 0.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "megatest.db"
    with closing(open_store(str(path), [Field(name="sysname")], create=True, clock=StoppedClock())) as store:
        run = store.register_run(Target(("u",)), "w1", owner="me", time=1)
        store.register_tests(run.id, [(TestId(f"t{n}"), False) for n in range(500)], 1, None)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("INSERT INTO test_steps (test_id, stepname, state) VALUES (1, 'good', 'end')")
    return path


def count(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as db:
        found: int = db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return found


def test_what_belongs_to_a_run_stays(path: Path) -> None:
    assert tidy(str(path), network=False) == 0
    assert (count(path, "tests"), count(path, "test_steps")) == (500, 1)


def test_what_belongs_to_nothing_goes_and_its_room_with_it(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("INSERT INTO test_steps (test_id, stepname, state) VALUES (99999, 's', 'end')")
        db.execute("INSERT INTO test_data (test_id, category, variable) VALUES (99999, 'c', 'v')")
        db.execute("INSERT INTO test_rundat (test_id) VALUES (99999)")
        db.execute("DELETE FROM runs")
    before = path.stat().st_size
    assert tidy(str(path), network=False) == 500 + 1 + 3
    assert [count(path, table) for table in ("tests", "test_steps", "test_data", "test_rundat")] == [0] * 4
    assert path.stat().st_size < before
    assert examine(str(path)) == []


def test_a_program_at_work_in_it_is_not_disturbed(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM test_steps")
        with pytest.raises(EnvironmentFault, match=r"megatest\.db"):
            tidy(str(path), network=False, busy_timeout_s=0)
        other.execute("ROLLBACK")
    assert (count(path, "tests"), count(path, "test_steps")) == (500, 1)
