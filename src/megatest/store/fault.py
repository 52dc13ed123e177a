"""What SQLite's errors mean for a user: which file, what is wrong with it, and the way out."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from megatest.model.error import DatabaseLost, EnvironmentFault

_DOCTOR = "`megatest doctor` says what is wrong with it"
_REBUILD = "`megatest rebuild` makes a new one from the run directories, and keeps this one aside"

# By primary result code (https://www.sqlite.org/rescode.html): the sentence's end, and the way out.
_MEANING: Final[dict[int, tuple[str, str]]] = {
    sqlite3.SQLITE_ERROR: ("does not have the tables it should have", f"{_DOCTOR}; {_REBUILD}"),
    sqlite3.SQLITE_PERM: ("may not be opened", "check the permissions of the file and its directory"),
    sqlite3.SQLITE_BUSY: ("is locked by another program", "try again, or end the program that holds it"),
    sqlite3.SQLITE_LOCKED: ("is locked by another program", "try again, or end the program that holds it"),
    sqlite3.SQLITE_READONLY: (
        "cannot be written",
        "check the permissions of the file and its directory, and whether its disk is mounted read-only",
    ),
    sqlite3.SQLITE_IOERR: ("cannot be read or written", "check the disk (space, quota, the kernel's log)"),
    sqlite3.SQLITE_CORRUPT: ("is damaged", f"{_REBUILD}; {_DOCTOR}"),
    sqlite3.SQLITE_FULL: ("cannot grow: its disk is full", "make room, then give the same command again"),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened",
        "check that it is a file and that its directory may be searched and written",
    ),
    sqlite3.SQLITE_PROTOCOL: ("is fought over by too many programs", "try again"),
    sqlite3.SQLITE_NOTADB: ("is not a database", f"if it is yours, move it away; {_REBUILD}"),
}

_LOST: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
"""What no patience mends."""


class IllegalChange(RuntimeError):  # noqa: N818 - a defect of ours, not an error of the user's
    """A change that no history of a test's state may contain: a defect of the caller's.

    Nothing of its transaction was written.
    """


def run_removed(run_id: int) -> EnvironmentFault:
    """Return what to tell whoever works on a run that somebody has removed meanwhile."""
    return EnvironmentFault(f"run {run_id} was removed meanwhile", hint="give the same command again")


def fault_from_error(error: sqlite3.Error, path: str, held_by: str = "") -> EnvironmentFault | None:
    """Return what to tell the user about an error of SQLite's; None if it is a defect of ours.

    Args:
        error: as raised by the sqlite3 module.
        path: the database file.
        held_by: who is known to work with it, for an error about locks.
    """
    code = getattr(error, "sqlite_errorcode", None)
    meaning = _MEANING.get(code & 0xFF) if isinstance(code, int) else None
    if meaning is None:
        return None
    what, hint = meaning
    if held_by and code is not None and code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        hint = f"{held_by}; {hint}"
    family = DatabaseLost if code is not None and code & 0xFF in _LOST else EnvironmentFault
    return family(f"{path} {what} ({error})", hint=hint)


@contextmanager
def told(path: str) -> Iterator[None]:
    """Turn SQLite's errors into faults that name the file.

    Raises:
        EnvironmentFault: in place of the error.
    """
    try:
        yield
    except sqlite3.Error as error:
        fault = fault_from_error(error, path)
        if fault is None:
            raise
        raise fault from error
