"""Everything that can be wrong with a database file, made for real.

Each time: a message, a way out, and nothing half-written.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from megatest.model.change import Change, StepChange, TestChange
from megatest.model.error import DatabaseLost, EnvironmentFault
from megatest.model.ids import Target, TestId
from megatest.model.lease import Holder
from megatest.model.record import TestRecord
from megatest.model.spec import Field
from megatest.store.fault import fault_from_error
from megatest.store.sqlite import SqliteStore, open_store

FIELDS = (Field(name="sysname"),)


class StoppedClock:
    def now(self) -> float:
        return 1_700_000_000.0


def opened(path: Path, *, read_only: bool = False, network: bool = False) -> SqliteStore:
    return open_store(
        str(path),
        FIELDS,
        create=not read_only,
        read_only=read_only,
        network=network,
        clock=StoppedClock(),
        busy_timeout_s=0.02,
    )


def filled(store: SqliteStore, count: int = 3) -> list[TestRecord]:
    run = store.register_run(Target(("u",)), "w1", owner="me", time=1)
    named = [(TestId("t", f"{number:06}"), False) for number in range(count)]
    return list(store.register_tests(run.id, named, 2, None).values())


def launched(test: TestRecord) -> TestChange:
    return TestChange(row=test.id, expected_state="NOT_STARTED", state="LAUNCHED")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "megatest.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    with closing(opened(path)) as store:
        yield store


def mounted(directory: Path, *options: str) -> None:
    """Mount a small file system, or skip the test where that is not allowed."""
    directory.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", *options, "tmpfs", str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"cannot mount a tmpfs here: {done.stderr.strip()}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "disk"
    mounted(directory, "-o", "size=1m")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "-l", str(directory)], check=True)


# -- locks --------------------------------------------------------------------------------------------


def test_a_lock_that_does_not_end_names_the_file_and_who_works_with_it(
    store: SqliteStore, path: Path
) -> None:
    first, *_ = filled(store)
    store.acquire_lease(first.run_id, Holder(host="h7", pid=42, user="bob"))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(EnvironmentFault, match=r"megatest\.db is locked by another") as caught:
            store.commit([launched(first)], None)
        other.execute("ROLLBACK")
    assert "pid 42 of bob on h7" in str(caught.value.hint)
    assert caught.value.exit_code == 3
    assert store.commit([launched(first)], None) == []


def test_readers_do_not_wait_for_a_writer(store: SqliteStore, path: Path) -> None:
    filled(store)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE tests SET state = 'RUNNING'")
        with closing(opened(path)) as reader:
            assert {test.state for test in reader.tests(1)} == {"NOT_STARTED"}


def test_on_a_network_file_system_a_writer_that_does_not_end_locks_readers_out_with_a_message(
    path: Path,
) -> None:
    with closing(opened(path, network=True)) as store:
        filled(store)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(EnvironmentFault, match="is locked by another program"):
                store.tests(1)
            with pytest.raises(EnvironmentFault, match="is locked by another program"):
                opened(path, network=True)
        assert len(store.tests(1)) == 3


# -- files that cannot be written -----------------------------------------------------------------------


def test_a_store_opened_for_reading_writes_nothing(store: SqliteStore, path: Path) -> None:
    first, *_ = filled(store)
    with closing(opened(path, read_only=True)) as reader:
        assert len(reader.tests(1)) == 3
        with pytest.raises(EnvironmentFault, match="cannot be written") as caught:
            reader.commit([launched(first)], None)
    assert "permissions" in str(caught.value.hint)


def test_a_read_only_disk_is_read_and_refuses_writes(small_disk: Path) -> None:
    path = small_disk / "megatest.db"
    with closing(opened(path)) as store:
        first, *_ = filled(store)
    remount = ["mount", "-o", "remount,ro", str(small_disk)]
    subprocess.run(remount, check=True)
    with closing(opened(path, read_only=True)) as reader:
        assert len(reader.tests(1)) == 3
    with pytest.raises(EnvironmentFault, match=r"megatest\.db cannot be (opened|written)"):
        opened(path).commit([launched(first)], None)
    with pytest.raises(EnvironmentFault, match="cannot be made"):
        opened(small_disk / "another.db")


def test_a_full_disk_writes_nothing_and_the_same_call_succeeds_when_there_is_room(small_disk: Path) -> None:
    with closing(opened(small_disk / "megatest.db")) as store:
        first, second, *_ = filled(store)
        ballast = small_disk / "ballast"
        fill_disk(ballast)
        changes: list[Change] = [launched(first), *big_steps(second)]
        with pytest.raises(EnvironmentFault, match=r"disk is full|cannot be read or written") as caught:
            store.commit(changes, None)
        assert caught.value.hint
        assert store.tests(1, states={"LAUNCHED"}) == []
        assert store.steps(second.id) == []
        ballast.unlink()
        assert store.commit(changes, None) == []
        assert len(store.steps(second.id)) == 20


def fill_disk(path: Path) -> None:
    fd = os.open(path, os.O_CREAT | os.O_WRONLY)
    try:
        with suppress(OSError):  # a write that does not fit is cut short, the next one fails
            while os.write(fd, b"x" * 4096):
                pass
    finally:
        os.close(fd)


def big_steps(test: TestRecord) -> list[StepChange]:
    return [
        StepChange(row=test.id, stepname=f"s{n}", state="end", status="0", time=1, comment="c" * 10_000)
        for n in range(20)
    ]


def test_a_directory_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match=r"no/such/megatest\.db cannot be made: No such file"):
        opened(tmp_path / "no" / "such" / "megatest.db")


def test_a_directory_in_place_of_the_file_is_an_error(path: Path) -> None:
    path.mkdir()
    with pytest.raises(EnvironmentFault, match="is a directory, not a database"):
        opened(path)


# -- damage -----------------------------------------------------------------------------------------------


def test_a_text_file_is_no_database(path: Path) -> None:
    path.write_text("this is a letter, not a database\n" * 50)
    for read_only in (False, True):
        with pytest.raises(EnvironmentFault, match="is not a database") as caught:
            opened(path, read_only=read_only)
        assert "megatest rebuild" in str(caught.value.hint)
    assert path.read_text().startswith("this is a letter")


def test_a_damaged_page_is_told_when_it_is_met(path: Path) -> None:
    with closing(opened(path)) as store:
        filled(store, 2000)
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(size // 2)
        file.write(b"\xff" * (size // 2))
    with pytest.raises(EnvironmentFault, match="is damaged") as caught, closing(opened(path)) as store:
        store.tests(1)
    assert "megatest rebuild" in str(caught.value.hint)


def test_a_file_cut_short_is_told_at_once(path: Path) -> None:
    with closing(opened(path)) as store:
        filled(store, 2000)
    os.truncate(path, path.stat().st_size // 2)
    for read_only in (False, True):
        with pytest.raises(EnvironmentFault, match="is damaged"):
            opened(path, read_only=read_only)


def test_a_lost_table_is_told_with_the_way_out(store: SqliteStore, path: Path) -> None:
    filled(store)
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE leases")
    with pytest.raises(EnvironmentFault, match="does not have the tables it should have") as caught:
        store.holder(1)
    assert "megatest doctor" in str(caught.value.hint)


@pytest.mark.parametrize("what", ["removed", "replaced", "emptied"])
def test_a_file_that_is_taken_away_under_an_open_store_is_noticed(
    store: SqliteStore, path: Path, tmp_path: Path, what: str
) -> None:
    first, *_ = filled(store)
    if what == "removed":
        path.unlink()
    elif what == "replaced":
        opened(tmp_path / "new.db").close()
        (tmp_path / "new.db").replace(path)
    else:
        os.truncate(path, 0)
    with pytest.raises(DatabaseLost, match=r"megatest\.db was (removed|replaced)"):
        store.data_version()
    with pytest.raises(DatabaseLost, match=r"megatest\.db was (removed|replaced)"):
        store.commit([launched(first)], None)


def test_a_file_that_cannot_be_looked_at_is_not_taken_for_lost(store: SqliteStore, path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path)  # a circle: the system cannot say what is there
    with pytest.raises(EnvironmentFault, match="cannot be looked at") as caught:
        store.data_version()
    assert not isinstance(caught.value, DatabaseLost)


def test_a_file_cut_short_under_an_open_store_is_an_error_and_not_a_crash(path: Path) -> None:
    with closing(opened(path)) as store:
        filled(store, 2000)
    with closing(opened(path)) as store:
        os.truncate(path, 8192)
        with pytest.raises(EnvironmentFault, match=r"is damaged|cannot be read"):
            store.tests(1)


def test_an_error_that_is_a_defect_of_ours_is_not_called_a_fault() -> None:
    assert fault_from_error(sqlite3.ProgrammingError("wrong number of bindings"), "x.db") is None
