"""What is wrong with a database file, and the way out: for `megatest doctor`.

Looks only: nothing is repaired here, and the file is opened read-only.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Final

from megatest.model.error import Diagnostic, MegatestError, Severity
from megatest.store.database import LARGEST_IDLE_WAL_BYTES, connect
from megatest.store.fault import told
from megatest.store.migrate import LATEST, version
from megatest.store.rows import holder_from_row
from megatest.store.statement import load_statements

_MOST_PROBLEMS: Final = 5


def examine(path: str) -> Sequence[Diagnostic]:
    """Return what is wrong or worth knowing about a database; empty if all is well.

    Cost: reads the whole file; 300 MB take some seconds.
    """
    if not os.path.exists(path) or not os.path.getsize(path):
        return [_note(f"{path} does not exist or is empty", "nothing has run here yet")]
    try:
        with told(path), closing(connect(path, network=False, read_only=True, timeout_s=1)) as db:
            return [*_schema(db, path), *_integrity(db, path), *_orphans(db, path), *_surroundings(db, path)]
    except MegatestError as error:
        return error.diagnostics()


def _note(message: str, hint: str | None = None) -> Diagnostic:
    return Diagnostic(severity=Severity.NOTE, message=message, hint=hint)


def _schema(db: sqlite3.Connection, path: str) -> Iterator[Diagnostic]:
    number = version(db, path)
    if number < LATEST:
        yield _note(f"{path} has schema {number}", f"the next command that writes brings it to {LATEST}")


def _integrity(db: sqlite3.Connection, path: str) -> Iterator[Diagnostic]:
    found = [str(row[0]) for row in db.execute(f"PRAGMA integrity_check({_MOST_PROBLEMS})")]
    if found != ["ok"]:
        yield Diagnostic(
            severity=Severity.ERROR,
            message=f"{path} is damaged",
            notes=tuple(found),
            hint="`megatest rebuild` makes a new one from the run directories, and keeps this one aside",
        )


def _orphans(db: sqlite3.Connection, path: str) -> Iterator[Diagnostic]:
    statements = load_statements(["unused"])
    for name, what in (
        ("tests_without_run", "tests of runs that do not exist"),
        ("steps_without_test", "steps of tests that do not exist"),
    ):
        count = db.execute(statements[name]).fetchone()[0]
        if count:
            yield Diagnostic(
                severity=Severity.WARNING,
                message=f"{path} has {count} {what}",
                hint="they do no harm; `megatest -cleanup-db` takes them out",
            )


def _surroundings(db: sqlite3.Connection, path: str) -> Iterator[Diagnostic]:
    if version(db, path) == LATEST:
        for row in db.execute(load_statements(["unused"])["holders"]):
            holder = holder_from_row(row)
            yield _note(f"pid {holder.pid} of {holder.user} on {holder.host} holds a run")
    try:
        log_bytes = os.stat(f"{path}-wal").st_size
    except FileNotFoundError:
        return
    if log_bytes > LARGEST_IDLE_WAL_BYTES:
        yield Diagnostic(
            severity=Severity.WARNING,
            message=f"{path}-wal has grown to {log_bytes // 2**20} MiB",
            hint="a program has been reading the database for a long time without a pause; end it",
        )
