"""Opening a database: new ones, those of the original program, and those that are not ours."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from megatest.model.change import StepChange, TestChange
from megatest.model.error import EnvironmentFault, UserError
from megatest.model.field import name_problem
from megatest.model.ids import Target, TestId
from megatest.model.spec import Field
from megatest.store.database import choose_journal, connect
from megatest.store.migrate import APPLICATION_ID, LATEST
from megatest.store.sqlite import SqliteStore, open_store

FIELDS = (Field(name="sysname"), Field(name="fsname"))
UBUNTU = Target(("ubuntu", "nfs"))

# The tables of version 1.12, with the rows that a small run left.
SEED = """
CREATE TABLE keys (id INTEGER PRIMARY KEY, fieldname TEXT, fieldtype TEXT, UNIQUE (fieldname));
CREATE TABLE runs (id INTEGER PRIMARY KEY, sysname TEXT, fsname TEXT, runname TEXT, state TEXT DEFAULT '',
    status TEXT DEFAULT '', owner TEXT DEFAULT '', event_time TIMESTAMP, comment TEXT DEFAULT '',
    fail_count INTEGER DEFAULT 0, pass_count INTEGER DEFAULT 0, UNIQUE (runname, sysname, fsname));
CREATE INDEX runs_index ON runs (runname, sysname, fsname);
CREATE TABLE tests (id INTEGER PRIMARY KEY, run_id INTEGER, testname TEXT, host TEXT DEFAULT 'n/a',
    cpuload REAL DEFAULT -1, diskfree INTEGER DEFAULT -1, uname TEXT DEFAULT 'n/a', rundir TEXT DEFAULT 'n/a',
    item_path TEXT DEFAULT '', state TEXT DEFAULT 'NOT_STARTED', status TEXT DEFAULT 'FAIL',
    attemptnum INTEGER DEFAULT 0, final_logf TEXT DEFAULT 'logs/final.log', logdat BLOB,
    run_duration INTEGER DEFAULT 0, comment TEXT DEFAULT '', event_time TIMESTAMP,
    fail_count INTEGER DEFAULT 0, pass_count INTEGER DEFAULT 0, UNIQUE (run_id, testname, item_path));
CREATE INDEX tests_index ON tests (run_id, testname);
CREATE TABLE test_steps (id INTEGER PRIMARY KEY, test_id INTEGER, stepname TEXT,
    state TEXT DEFAULT 'NOT_STARTED', status TEXT DEFAULT 'n/a', event_time TIMESTAMP,
    comment TEXT DEFAULT '', UNIQUE (test_id, stepname, state));
CREATE TABLE extradat (id INTEGER PRIMARY KEY, run_id INTEGER, key TEXT, val TEXT);
CREATE TABLE access_log (id INTEGER PRIMARY KEY, user TEXT, accessed TIMESTAMP, args TEXT);
CREATE VIEW runs_tests AS SELECT * FROM runs INNER JOIN tests ON runs.id = tests.run_id;
INSERT INTO keys (fieldname, fieldtype) VALUES ('sysname', 'TEXT'), ('fsname', 'TEXT');
INSERT INTO runs (sysname, fsname, runname, state, status, owner, event_time, comment)
    VALUES ('ubuntu', 'nfs', 'w1', 'no', 'n/a', 'bob', 1300000000, 'weekly');
INSERT INTO tests (run_id, testname, item_path, state, status, run_duration, event_time, comment)
    VALUES (1, 'plain', '', 'COMPLETED', 'PASS', 12, 1300000012, 'fine'),
           (1, 'many', '', 'COMPLETED', 'FAIL', 0, 1300000020, NULL),
           (1, 'many', 'a/1', 'COMPLETED', 'FAIL', 3, 1300000020, ''),
           (1, 'later', NULL, 'NOT_STARTED', 'FAIL', 0, NULL, '');
INSERT INTO test_steps (test_id, stepname, state, status, event_time)
    VALUES (1, 'go', 'end', '0', 1300000005);
"""

# What 2017 had besides, as far as it matters to rows and columns.
MIDDLE_AGES = """
ALTER TABLE runs ADD COLUMN contour TEXT DEFAULT '';
ALTER TABLE runs ADD COLUMN last_update INTEGER DEFAULT 0;
ALTER TABLE tests ADD COLUMN shortdir TEXT DEFAULT '/tmp/badname';
ALTER TABLE tests ADD COLUMN archived INTEGER DEFAULT 0;
ALTER TABLE tests ADD COLUMN last_update INTEGER DEFAULT 0;
ALTER TABLE test_steps ADD COLUMN logfile TEXT DEFAULT '';
ALTER TABLE test_steps ADD COLUMN last_update INTEGER DEFAULT 0;
CREATE TABLE test_data (id INTEGER PRIMARY KEY, test_id INTEGER, category TEXT DEFAULT '', variable TEXT,
    value REAL, expected REAL, tol REAL, units TEXT, comment TEXT DEFAULT '', status TEXT DEFAULT 'n/a',
    type TEXT DEFAULT '', last_update INTEGER DEFAULT 0, UNIQUE (test_id, category, variable));
CREATE TRIGGER tests_touched AFTER UPDATE ON tests FOR EACH ROW
    BEGIN UPDATE tests SET last_update = strftime('%s', 'now') WHERE id = old.id; END;
INSERT INTO test_data (test_id, category, variable, value) VALUES (1, 'c', 'v', 1.5);
UPDATE tests SET attemptnum = 31415 WHERE id = 1;
UPDATE tests SET state = 'DELETED', status = 'n/a' WHERE testname = 'later';
"""


class StoppedClock:
    def now(self) -> float:
        return 1_700_000_000.0


def opened(path: Path, *fields: Field, create: bool = False, read_only: bool = False) -> SqliteStore:
    return open_store(
        str(path),
        fields or FIELDS,
        create=create,
        read_only=read_only,
        clock=StoppedClock(),
        busy_timeout_s=0.1,
    )


def written(path: Path, *scripts: str) -> Path:
    with closing(sqlite3.connect(path)) as db:
        for script in scripts:
            db.executescript(script)
    return path


def asked(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql).fetchall()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "megatest.db"


# -- new files ------------------------------------------------------------------------------------


def test_a_new_database_has_the_tables_and_columns_that_scripts_know(path: Path) -> None:
    with closing(opened(path, create=True)) as store:
        run = store.register_run(UBUNTU, "w1", owner="me", time=5)
        store.register_tests(run.id, [(TestId("a", "x"), False)], 6, None)
    assert asked(path, "SELECT fieldname, fieldtype FROM keys ORDER BY id") == [
        ("sysname", "TEXT"),
        ("fsname", "TEXT"),
    ]
    assert asked(path, "SELECT sysname, fsname, runname, state, status, owner, event_time FROM runs") == [
        ("ubuntu", "nfs", "w1", "new", "n/a", "me", 5)
    ]
    columns = "testname, item_path, state, status, event_time, final_logf, run_duration, attemptnum, rundir"
    assert asked(path, f"SELECT {columns} FROM tests") == [
        ("a", "x", "NOT_STARTED", "n/a", 6, "logs/final.log", 0, 0, "n/a")
    ]
    assert asked(path, "SELECT runname, testname FROM runs_tests") == [("w1", "a")]
    for table in (
        "test_steps",
        "test_data",
        "test_rundat",
        "test_meta",
        "run_stats",
        "tasks_queue",
        "metadat",
    ):
        assert asked(path, f"SELECT * FROM {table}") == []


def test_a_script_may_ask_for_a_kill_with_sqlite3(path: Path) -> None:
    with closing(opened(path, create=True)) as store:
        run = store.register_run(UBUNTU, "w1", owner="me", time=5)
        (test,) = store.register_tests(run.id, [(TestId("a"), False)], 6, None).values()
        before = store.data_version()
        with closing(sqlite3.connect(path)) as script, script:
            script.execute("UPDATE tests SET state = 'KILLREQ' WHERE testname = 'a'")
        assert store.data_version() != before
        assert store.kill_requests(run.id) == [test.id]


def test_the_number_of_an_attempt_is_found_under_both_names(path: Path) -> None:
    with closing(opened(path, create=True)) as store:
        run = store.register_run(UBUNTU, "w1", owner="me", time=5)
        (test,) = store.register_tests(run.id, [(TestId("a"), False)], 6, None).values()
        store.commit([TestChange(row=test.id, expected_state="NOT_STARTED", attempt=3, comment="x")], None)
    assert asked(path, "SELECT attempt, attemptnum, comment FROM tests") == [(3, 3, "x")]


def test_what_scripts_wrote_is_read_with_the_types_of_the_records(path: Path) -> None:
    with closing(opened(path, create=True)) as store:
        run = store.register_run(UBUNTU, "w1", owner="me", time=5)
        (test,) = store.register_tests(run.id, [(TestId("a"), False)], 6, None).values()
        with closing(sqlite3.connect(path)) as script, script:
            script.execute(
                "UPDATE tests SET comment = NULL, host = 7, run_duration = 'long', event_time = '12',"
                " status = NULL"
            )
        found = store.test_by_id(test.id)
    assert found is not None
    assert (found.comment, found.host, found.run_duration_s, found.event_time, found.status) == (
        "",
        "7",
        0.0,
        12,
        "",
    )


def test_a_file_that_somebody_began_to_make_is_finished(path: Path) -> None:
    path.touch()
    with closing(opened(path)) as store:
        assert store.runs() == []


def test_opening_again_changes_nothing(path: Path) -> None:
    opened(path, create=True).close()
    before = asked(path, "SELECT sql FROM sqlite_master ORDER BY name")
    opened(path, create=True).close()
    assert asked(path, "SELECT sql FROM sqlite_master ORDER BY name") == before
    assert asked(path, "PRAGMA user_version") == [(LATEST,)]
    assert asked(path, "PRAGMA application_id") == [(APPLICATION_ID,)]


def test_the_log_is_written_ahead_here_and_not_on_network_file_systems(path: Path) -> None:
    opened(path, create=True).close()
    assert asked(path, "PRAGMA journal_mode") == [("wal",)]
    open_store(str(path), FIELDS, create=False, network=True, clock=StoppedClock()).close()
    assert asked(path, "PRAGMA journal_mode") == [("delete",)]
    opened(path).close()
    assert asked(path, "PRAGMA journal_mode") == [("wal",)]


def test_the_journal_mode_is_left_alone_while_somebody_else_reads(path: Path) -> None:
    open_store(str(path), FIELDS, create=True, network=True, clock=StoppedClock()).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM runs").fetchall()
        with closing(connect(str(path), network=False, read_only=False, timeout_s=0)) as db:
            choose_journal(db, network=False)
            assert db.execute("PRAGMA journal_mode").fetchone() == ("delete",)
            assert db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_reader_of_a_missing_database_makes_none(path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="does not exist") as caught:
        opened(path)
    assert "megatest rebuild" in str(caught.value.hint)
    with pytest.raises(EnvironmentFault, match="does not exist"):
        opened(path, create=True, read_only=True)
    assert not path.exists()


def test_a_path_with_odd_characters_is_a_path(tmp_path: Path) -> None:
    directory = tmp_path / "50% of#it?mode=memory ünï"
    directory.mkdir()
    opened(directory / "megatest.db", create=True).close()
    assert (directory / "megatest.db").stat().st_size > 0


# -- files of the original program ------------------------------------------------------------------


@pytest.mark.parametrize("scripts", [(SEED,), (SEED, MIDDLE_AGES)], ids=["1.12", "2017"])
def test_a_database_of_the_original_opens_and_keeps_its_rows(path: Path, scripts: tuple[str, ...]) -> None:
    written(path, *scripts)
    with closing(opened(path)) as store:
        (run,) = store.runs()
        assert (run.target, run.runname, run.owner, run.comment) == (UBUNTU, "w1", "bob", "weekly")
        plain = store.test(run.id, TestId("plain"))
        assert plain is not None
        assert (plain.id, plain.state, plain.status, plain.run_duration_s) == (1, "COMPLETED", "PASS", 12.0)
        assert (plain.attempt, plain.is_parent, plain.comment) == (1, False, "fine")
        assert [(step.stepname, step.status) for step in store.steps(1)] == [("go", "0")]
        many = store.test(run.id, TestId("many"))
        assert many is not None
        assert (many.is_parent, many.comment, many.attempt) == (True, "", 0)


@pytest.mark.parametrize("scripts", [(SEED,), (SEED, MIDDLE_AGES)], ids=["1.12", "2017"])
def test_a_database_of_the_original_takes_new_runs_and_tests(path: Path, scripts: tuple[str, ...]) -> None:
    written(path, *scripts)
    with closing(opened(path)) as store:
        old = store.register_run(UBUNTU, "w1", owner="me", time=9)
        new = store.register_run(UBUNTU, "w2", owner="me", time=9)
        assert (old.id, new.id) == (1, 2)
        records = store.register_tests(1, [(TestId("plain"), False), (TestId("later"), False)], 9, None)
        assert records[TestId("plain")].status == "PASS"
        assert records[TestId("later")].id == 4
        (fresh,) = store.register_tests(2, [(TestId("plain"), False)], 9, None).values()
        step = StepChange(row=fresh.id, stepname="go", state="end", status="0", time=9)
        launched = TestChange(row=fresh.id, expected_state="NOT_STARTED", state="LAUNCHED")
        assert store.commit([step, launched], None) == []
        assert store.past_durations(["plain"]) == {TestId("plain"): 12.0}
        assert store.counts([1])[1]["COMPLETED", "FAIL"] == 1


def test_the_measured_values_of_an_old_database_are_read(path: Path) -> None:
    written(path, SEED, MIDDLE_AGES)
    with closing(opened(path)) as store:
        assert [(value.variable, value.value) for value in store.values(1)] == [("v", "1.5")]


def test_an_old_database_is_listed_without_being_written(path: Path) -> None:
    written(path, SEED)
    before = path.read_bytes()
    with closing(opened(path, read_only=True)) as store:
        assert len(store.tests(1)) == 4
        assert store.data_version() == store.data_version()
        with pytest.raises(EnvironmentFault, match=r"megatest\.db cannot be written"):
            store.register_run(UBUNTU, "w2", owner="me", time=1)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_migration_that_fails_leaves_the_old_database_as_it_was(path: Path) -> None:
    doubled = SEED.replace(", UNIQUE (run_id, testname, item_path)", "") + (
        "INSERT INTO tests (run_id, testname, item_path) VALUES (1, 'plain', '');"
    )
    written(path, doubled)
    with pytest.raises(EnvironmentFault, match="two rows for the same run, test or step"):
        opened(path)
    assert asked(path, "PRAGMA user_version") == [(0,)]
    assert asked(path, "SELECT name FROM sqlite_master WHERE name = 'leases'") == []
    assert asked(path, "SELECT count(*) FROM tests") == [(5,)]


def test_an_old_table_without_its_unique_constraint_is_given_one(path: Path) -> None:
    written(path, SEED.replace(", UNIQUE (run_id, testname, item_path)", ""))
    with closing(opened(path)) as store:
        assert len(store.register_tests(1, [(TestId("plain"), False)], 9, None)) == 1
        assert len(store.tests(1)) == 4


# -- fields -----------------------------------------------------------------------------------------


def test_fields_that_differ_are_an_error_that_shows_both(path: Path) -> None:
    opened(path, create=True).close()
    for fields in ((FIELDS[1], FIELDS[0]), (FIELDS[0],), (Field(name="release"), FIELDS[0])):
        with pytest.raises(UserError, match="are not those of") as caught:
            opened(path, *fields)
        assert "/".join(field.name for field in fields) in caught.value.message
        assert "(sysname/fsname)" in caught.value.message
        assert "put [fields] back" in str(caught.value.hint)


@pytest.mark.parametrize("seed", [None, SEED], ids=["ours", "1.12"])
def test_a_field_may_be_added_and_earlier_runs_have_none(path: Path, seed: str | None) -> None:
    if seed:
        written(path, seed)
    with closing(opened(path, create=True)) as store:
        store.register_run(UBUNTU, "w1", owner="me", time=1)
    wider = (FIELDS[0], Field(name="Site", sql_type="varchar"), FIELDS[1])
    with closing(opened(path, *wider)) as store:
        new = store.register_run(Target(("ubuntu", "east", "nfs")), "w1", owner="me", time=2)
        assert new.id == 2
        assert [str(run.target) for run in store.runs()] == ["ubuntu/none/nfs", "ubuntu/east/nfs"]
        assert store.register_run(Target(("ubuntu", "none", "nfs")), "w1", owner="me", time=2).id == 1
    assert asked(path, "SELECT fieldname FROM keys ORDER BY id") == [("sysname",), ("Site",), ("fsname",)]
    opened(path, *wider).close()


def test_an_added_field_is_read_without_being_written(path: Path) -> None:
    with closing(opened(path, create=True)) as store:
        store.register_run(UBUNTU, "w1", owner="me", time=1)
    with closing(opened(path, *FIELDS, Field(name="site"), read_only=True)) as store:
        assert [str(run.target) for run in store.runs()] == ["ubuntu/nfs/none"]
    opened(path).close()


def test_the_case_of_a_field_does_not_count(path: Path) -> None:
    with closing(opened(path, create=True)) as store:
        run = store.register_run(UBUNTU, "w1", owner="me", time=1)
    with closing(opened(path, Field(name="SYSNAME"), Field(name="fsname"))) as store:
        assert store.runs() == [run]
    assert asked(path, "SELECT fieldname FROM keys ORDER BY id") == [("sysname",), ("fsname",)]


def test_a_value_that_looks_like_a_number_keeps_its_form(path: Path) -> None:
    with closing(opened(path, Field(name="version", sql_type="REAL"), create=True)) as store:
        for number, value in enumerate(("1.1", "1.10", "007", "1e3"), start=1):
            assert store.register_run(Target((value,)), "w", owner="me", time=1).id == number
        assert [str(run.target) for run in store.runs()] == ["1.1", "1.10", "007", "1e3"]
    assert asked(path, "SELECT fieldtype FROM keys") == [("REAL",)]


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        (Field(name='x" TEXT); DROP TABLE tests; --'), "is no name for a column"),
        (Field(name="has-dash"), "is no name for a column"),
        (Field(name="ünï"), "is no name for a column"),
        (Field(name="x" * 64), "is no name for a column"),
        (Field(name="x\n"), "is no name for a column"),
        (Field(name="RunName"), "has the name of a column that every run has"),
        (Field(name="FSNAME"), "comes twice"),
        (Field(name="x", sql_type="TEXT DEFAULT 'y'"), "has the unknown type"),
    ],
)
def test_a_field_that_is_no_column_is_refused_before_it_comes_near_sql(
    path: Path, field: Field, problem: str
) -> None:
    with pytest.raises(UserError, match=problem):
        opened(path, *FIELDS, field, create=True)
    assert not path.exists()


def test_no_field_may_have_the_name_of_a_column_of_every_run(path: Path) -> None:
    opened(path, create=True).close()
    columns = [str(row[0]) for row in asked(path, "SELECT name FROM pragma_table_info('runs')")]
    own = {field.name for field in FIELDS}
    assert [name for name in columns if name not in own and not name_problem(name, ())] == []


def test_an_area_without_fields_is_refused(path: Path) -> None:
    with pytest.raises(UserError, match="has no fields"):
        open_store(str(path), (), create=True, clock=StoppedClock())


def test_words_of_sql_are_good_names_for_fields(path: Path) -> None:
    with closing(opened(path, Field(name="group"), Field(name="order"), create=True)) as store:
        run = store.register_run(UBUNTU, "select", owner="me", time=1)
        assert store.run(UBUNTU, "select") == run


# -- files that are not ours --------------------------------------------------------------------------


def test_a_newer_schema_is_refused_with_the_way_out(path: Path) -> None:
    opened(path, create=True).close()
    written(path, f"PRAGMA user_version = {LATEST + 1}")
    with pytest.raises(EnvironmentFault, match="written by a newer megatest") as caught:
        opened(path)
    assert "use that version" in str(caught.value.hint)
    with pytest.raises(EnvironmentFault, match="written by a newer megatest"):
        opened(path, read_only=True)


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TABLE moz_places (id INTEGER)",
        "CREATE TABLE tests (id INTEGER); PRAGMA user_version = 2",
        f"{SEED} PRAGMA application_id = 12345",
    ],
)
def test_the_database_of_another_program_is_not_touched(path: Path, script: str) -> None:
    written(path, script)
    before = path.read_bytes()
    with pytest.raises(EnvironmentFault, match="is a database of another program"):
        opened(path, create=True)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
