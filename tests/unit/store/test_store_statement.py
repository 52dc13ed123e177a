"""The reader of queries.sql, and the plans that SQLite makes for what must be fast."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from megatest import store
from megatest.model.spec import Field
from megatest.store.sqlite import open_store
from megatest.store.statement import load_statements


class StoppedClock:
    def now(self) -> float:
        return 0.0


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    path = tmp_path / "megatest.db"
    open_store(str(path), [Field(name="a"), Field(name="b")], create=True, clock=StoppedClock()).close()
    with closing(sqlite3.connect(path)) as db:
        yield db


def plan(db: sqlite3.Connection, name: str, values: int) -> str:
    sql = load_statements(["a", "b"])[name]
    rows = db.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * values).fetchall()
    return "\n".join(row[3] for row in rows)


def test_the_fields_become_quoted_columns() -> None:
    statements = load_statements(["sysname", "group"])
    assert statements["run"].endswith('WHERE runname = ? AND "sysname" = ? AND "group" = ?')
    assert statements["insert_run"].count("?") == 7


def test_only_the_columns_of_a_change_are_left_open() -> None:
    for name, sql in load_statements(["a"]).items():
        assert ("{" in sql) == (name in ("update_test", "update_run")), name
        assert "--" not in sql, name


def test_every_statement_is_one_that_sqlite_understands(db: sqlite3.Connection) -> None:
    for name, sql in load_statements(["a", "b"]).items():
        complete = sql.replace("{assignments}", "state = ?, ")
        values = [None] * complete.count("?")
        assert db.execute(f"EXPLAIN {complete}", values).fetchall(), name


def test_no_statement_is_left_that_nobody_uses() -> None:
    sources = "".join(path.read_text("utf-8") for path in Path(store.__file__).parent.glob("*.py"))
    assert [name for name in load_statements(["a"]) if f'"{name}"' not in sources] == []


@pytest.mark.parametrize(
    ("name", "values", "index"),
    [
        ("tests", 1, "sqlite_autoindex_tests_1 (run_id=?)"),
        ("test", 3, "sqlite_autoindex_tests_1 (run_id=? AND testname=? AND item_path=?)"),
        ("history", 2, "sqlite_autoindex_tests_1 (run_id=? AND testname=? AND item_path=?)"),
        ("passes", 1, "sqlite_autoindex_tests_1 (run_id=? AND testname=?)"),
        ("kill_requests", 1, "COVERING INDEX tests_by_state (run_id=? AND is_parent=? AND state=?)"),
        ("active_elsewhere", 1, "tests_by_state (run_id=? AND is_parent=? AND state=?)"),
        ("counts", 1, "COVERING INDEX tests_by_state (run_id=?)"),
        ("counts_of_all_runs", 0, "COVERING INDEX tests_by_state"),
        ("run", 3, "runs_by_name (runname=? AND a=? AND b=?)"),
        ("steps", 1, "sqlite_autoindex_test_steps_1 (test_id=?)"),
    ],
)
def test_what_must_be_fast_uses_its_index(db: sqlite3.Connection, name: str, values: int, index: str) -> None:
    assert index in plan(db, name, values)


@pytest.mark.parametrize(
    ("name", "values"), [("tests", 1), ("history", 2), ("passes", 1), ("runs", 0), ("counts_of_all_runs", 0)]
)
def test_what_is_read_in_order_is_not_sorted(db: sqlite3.Connection, name: str, values: int) -> None:
    assert "TEMP B-TREE" not in plan(db, name, values)
