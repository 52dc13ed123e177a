"""The store on SQLite: the engine's port, the lease, and how a database file is opened."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Final

from megatest.failpoint import reach
from megatest.model.change import Change
from megatest.model.error import EnvironmentFault
from megatest.model.ids import TestId
from megatest.model.lease import Holder, Lease
from megatest.model.record import (
    AttemptRecord,
    EditRecord,
    RequestRecord,
    RunRecord,
    StepRecord,
    TestRecord,
    ValueRecord,
)
from megatest.model.spec import Field
from megatest.model.status import State, Status
from megatest.store.change import put_step, put_value, write_changes
from megatest.store.claim import SqliteClaims
from megatest.store.database import OLDEST_SQLITE, Database, choose_journal, connect
from megatest.store.edit import SqliteEditing
from megatest.store.fault import run_removed, told
from megatest.store.fields import check_fields
from megatest.store.migrate import migrate, needs_migration
from megatest.store.rows import (
    Bound,
    bindable,
    request_from_row,
    row_from_attempt,
    row_from_run,
    row_from_test,
    test_as_registered,
    test_from_row,
    text_from_bytes,
)
from megatest.store.statement import load_statements

if TYPE_CHECKING:
    from megatest.store.port import Clock

RUNS_FOR_MEDIAN: Final = 5
"""Of how many earlier runs the durations count: enough that one slow day does not."""


def open_store(
    path: str,
    fields: Sequence[Field],
    *,
    create: bool,
    network: bool = False,
    read_only: bool = False,
    clock: Clock,
    busy_timeout_s: float = 10.0,
) -> SqliteStore:
    """Open an area's database; make it, or bring its schema up to date, where that is needed.

    Args:
        path: absolute path of megatest.db.
        fields: of the area.
        create: make the file if it does not exist.
        network: it lies on a network file system; see `connect`.
        read_only: write nothing.  A file with an older schema is then read through a migrated
            copy in memory, which sees no later change.
        clock: for `last_update`.
        busy_timeout_s: how long to wait for another program's lock.

    Raises:
        EnvironmentFault: it is not there, not ours, newer than this program, damaged, locked ...
        UserError: a field is no column's name, or the fields are not those of the database.
    """
    check_fields(fields)
    _check_sqlite()
    _check_exists(path, create and not read_only)
    with told(path):
        db = connect(path, network=network, read_only=read_only, timeout_s=busy_timeout_s)
    is_copy = False
    try:
        with told(path):
            stale = needs_migration(db, fields, path)
            if read_only and stale:
                db, is_copy = _copy(db), True
            elif not read_only:
                choose_journal(db, network=network)
            if stale:
                migrate(db, fields, path)
            if is_copy:
                db.execute("PRAGMA query_only = ON")  # what is written to a copy would be lost
    except BaseException:
        db.close()
        raise
    statements = load_statements([field.name for field in fields])
    return SqliteStore(Database(db, path=path, statements=statements, clock=clock, is_copy=is_copy))


def _check_sqlite() -> None:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise EnvironmentFault(
            f"this Python has SQLite {sqlite3.sqlite_version}",
            hint=f"megatest needs {'.'.join(map(str, OLDEST_SQLITE))} or newer",
        )


def _check_exists(path: str, create: bool) -> None:
    if os.path.isdir(path):
        raise EnvironmentFault(
            f"{path} is a directory, not a database",
            hint="move it away; if something has run here, `megatest rebuild` reads the run directories",
        )
    if os.path.exists(path):
        return
    if not create:
        raise EnvironmentFault(
            f"{path} does not exist",
            hint="nothing has run here yet; if it has, `megatest rebuild` reads the run directories",
        )
    try:
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666))
        reach("database file made")
    except OSError as error:
        raise EnvironmentFault(
            f"{path} cannot be made: {error.strerror}",
            hint="check the permissions and the space of its directory",
        ) from error


def _copy(db: sqlite3.Connection) -> sqlite3.Connection:
    copy = sqlite3.connect(":memory:", isolation_level=None)
    db.backup(copy)
    db.close()
    return copy


class SqliteStore(SqliteClaims, SqliteEditing):
    """Satisfies the engine's `Store` and `megatest.store.port.FullStore`; see there."""

    # -- tests ---------------------------------------------------------------------------------

    def register_tests(
        self, run_id: int, tests: Iterable[tuple[TestId, bool]], time: int, lease: Lease | None
    ) -> Mapping[TestId, TestRecord]:
        """Make sure that these rows exist; return them all."""
        named = dict(tests)
        with self._database.transaction(lease):
            if self.run_by_id(run_id) is None:
                raise run_removed(run_id)
            last = self._database.row("last_test_id")
            self._database.run_many("register_test", self._registrations(run_id, named, time))
            new = self._database.rows("test_ids_after", 0 if last is None else last[0])
            if len(new) < len(named):
                return self._named(run_id, named)
        # All are new, so they are what was just written, numbered in that order.
        return {
            test_id: test_as_registered(test_id, is_parent, row[0], run_id, time)
            for (test_id, is_parent), row in zip(named.items(), new, strict=True)
        }

    def _registrations(
        self, run_id: int, named: Mapping[TestId, bool], time: int
    ) -> Iterator[Sequence[Bound]]:
        stamp = self._database.stamp
        plain = all(map(str.isascii, chain.from_iterable(named)))  # saves two calls a row
        for test_id, is_parent in named.items():
            names = test_id if plain else map(bindable, test_id)
            yield (run_id, *names, int(is_parent), time, *stamp)

    def _named(self, run_id: int, named: Collection[TestId]) -> dict[TestId, TestRecord]:
        """Return the records of these tests, by whichever way costs less."""
        limit = 4 * len(named)
        found = self._database.row("count_up_to", run_id, limit + 1)
        if found is not None and found[0] <= limit:
            everything = {record.test_id: record for record in self.tests(run_id)}
            return {test_id: everything[test_id] for test_id in named}
        one_by_one = ((test_id, self.test(run_id, test_id)) for test_id in named)
        return {test_id: record for test_id, record in one_by_one if record is not None}

    def commit(self, changes: Sequence[Change], lease: Lease | None) -> Sequence[TestRecord]:
        """Write all changes in one transaction, in order; return the rows that had moved."""
        with self._database.transaction(lease):
            return [self._present(row, lease) for row in write_changes(self._database, changes)]

    def _present(self, row: int, lease: Lease | None) -> TestRecord:
        record = self.test_by_id(row)
        if record is not None:
            return record
        run_id = 0 if lease is None else lease.run_id
        return TestRecord(id=row, run_id=run_id, test_id=TestId(""), state=State.DELETED, status=Status.NA)

    def kill_requests(self, run_id: int) -> Sequence[int]:
        """Return the rows of this run that are in state KILLREQ."""
        return [row[0] for row in self._database.rows("kill_requests", run_id)]

    def active_elsewhere(self, run_id: int) -> Sequence[TestRecord]:
        """Return the tests of other runs in which a process may exist."""
        return [test_from_row(row) for row in self._database.rows("active_elsewhere", run_id)]

    def past_durations(self, tests: Iterable[str]) -> Mapping[TestId, float]:
        """Return the median seconds of passes in the newest runs that have any; 10,000 items take 0.2 s."""
        found: dict[TestId, float] = {}
        if not self._database.rows("any_test"):
            return found  # the first run of an area need not ask a thousand times
        for test in dict.fromkeys(tests):
            for item, durations in self._passes(test).items():
                found[TestId(test, item)] = _median(durations)
        return found

    def _passes(self, test: str) -> Mapping[str, list[float]]:
        durations: dict[str, list[float]] = {}
        runs: set[int] = set()
        for run_id, item, duration in self._database.stream("passes", bindable(test)):
            runs.add(run_id)
            if len(runs) > RUNS_FOR_MEDIAN:
                break
            durations.setdefault(text_from_bytes(item), []).append(duration)
        return durations

    def import_records(
        self,
        runs: Iterable[RunRecord],
        tests: Iterable[TestRecord],
        steps: Iterable[StepRecord],
        values: Iterable[ValueRecord],
        attempts: Iterable[AttemptRecord] = (),
        edits: Iterable[EditRecord] = (),
    ) -> None:
        """Write records with the ids they have, in one transaction; streaming.  See `import_rows`."""
        with self._database.transaction():
            self._database.run_many("import_run", map(row_from_run, runs))
            self._database.run_many("import_test", map(_import_row, tests))
            for step in steps:
                put_step(self._database, step)
            for value in values:
                put_value(self._database, value)
            self._database.run_many("import_attempt", map(row_from_attempt, attempts))
            for edit in edits:
                self._add_edit(edit)

    # -- the lease -----------------------------------------------------------------------------

    def acquire_lease(self, run_id: int, holder: Holder) -> Lease | Holder:
        """Take a run, or return the process that holds it."""
        with self._database.transaction():
            present = self.holder(run_id)
            if present is not None and not _is_same_process(present, holder):
                return present
            return self._take(run_id, holder)

    def take_over(self, run_id: int, old_token: int, holder: Holder) -> Lease:
        """Take a run from a holder that was found dead."""
        with self._database.transaction(Lease(run_id=run_id, token=old_token)):
            return self._take(run_id, holder)

    def _take(self, run_id: int, holder: Holder) -> Lease:
        process: tuple[Bound, ...] = (holder.host, holder.pid, holder.pid_started, holder.boot_id)
        who: tuple[Bound, ...] = (holder.user, holder.time)
        self._database.run("take_lease", run_id, *map(bindable, process + who))
        row = self._database.row("lease_token", run_id)
        assert row is not None
        return Lease(run_id=run_id, token=row[0])

    def renew(self, lease: Lease, time: int) -> None:
        """Say that the holder lives."""
        with self._database.transaction(lease):
            self._database.run("renew_lease", time, lease.run_id, lease.token)

    def release(self, lease: Lease) -> None:
        """Give a run back."""
        held = self._database.row("lease_token", lease.run_id)
        if held is None or held[0] != lease.token:
            return  # whoever lost it writes nothing
        with self._database.transaction():
            self._database.run("release_lease", lease.run_id, lease.token)

    def take_requests(self, run_id: int, lease: Lease | None = None) -> Sequence[RequestRecord]:
        """Return what others ask of the holder of a run, and forget it."""
        if not self._database.rows("requests", run_id):
            return ()  # nothing is the usual answer and needs no lock
        with self._database.transaction(lease):
            requests = [request_from_row(row) for row in self._database.rows("requests", run_id)]
            for request in requests:
                self._database.run("delete_request", request.id)
        return requests


def _median(numbers: list[float]) -> float:
    """Return what `statistics.median` does; that module takes 5 ms to load."""
    numbers = sorted(numbers)
    middle = len(numbers) // 2
    return numbers[middle] if len(numbers) % 2 else (numbers[middle - 1] + numbers[middle]) / 2


def _import_row(record: TestRecord) -> Sequence[Bound]:
    return (*row_from_test(record), record.attempt)


def _is_same_process(one: Holder, other: Holder) -> bool:
    def identity(h: Holder) -> tuple[str, int, int, str]:
        return h.host, h.pid, h.pid_started, h.boot_id

    return identity(one) == identity(other)
