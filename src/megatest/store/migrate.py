"""The database's schema: whose it is, which version it has, and how it becomes the present one.

Migrations are numbered SQL files that are never edited once released; `PRAGMA user_version` is
the number of the last one applied.  A database that the original program wrote has number 0 and
its own tables: the first migrations add what is missing and keep what is there.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final

from megatest.failpoint import reach
from megatest.model.error import EnvironmentFault
from megatest.model.spec import Field
from megatest.store.fields import add_fields, missing_fields

APPLICATION_ID: Final = 0x4D675473  # "MgTs", in the header of every file that we made or adopted
LATEST: Final = 5
_DIRECTORY: Final = os.path.join(os.path.dirname(__file__), "migrations")
_ADD_COLUMN: Final = r"ALTER TABLE (\w+) ADD COLUMN (\w+)\b"
_ORIGINAL: Final = frozenset({"keys", "runs", "tests"})

# What upserts rely on.  The original declared these too, but a file may come from anywhere.
_UNIQUE: Final = (
    ("tests", ("run_id", "testname", "item_path")),
    ("test_steps", ("test_id", "stepname", "state")),
    ("test_data", ("test_id", "category", "variable")),
    ("test_meta", ("testname",)),
)


def version(db: sqlite3.Connection, path: str) -> int:
    """Return the schema's number; 0 for an empty file and for one of the original program.

    Raises:
        EnvironmentFault: it belongs to another application, or to a megatest newer than this one.
    """
    owner = int(db.execute("PRAGMA application_id").fetchone()[0])
    number = int(db.execute("PRAGMA user_version").fetchone()[0])
    tables = {str(row[0]) for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    ours = owner == APPLICATION_ID
    original = owner == 0 and number == 0 and tables >= _ORIGINAL
    if tables and not ours and not original:
        some = ", ".join(sorted(tables)[:5])
        raise EnvironmentFault(
            f"{path} is a database of another program (tables: {some})",
            hint="move it away, or use another area; megatest keeps its records in megatest.db",
        )
    if number > LATEST:
        raise EnvironmentFault(
            f"{path} was written by a newer megatest (schema {number}; this one knows {LATEST})",
            hint="use that version, or move the file away and give `megatest rebuild` with this one",
        )
    return number if ours else 0


def needs_migration(db: sqlite3.Connection, fields: Sequence[Field], path: str) -> bool:
    """Return whether `migrate` would write; an empty file needs it.

    Raises:
        EnvironmentFault: see `version`.
        UserError: see `missing_fields`.
    """
    return version(db, path) < LATEST or bool(missing_fields(db, fields, path))


def migrate(db: sqlite3.Connection, fields: Sequence[Field], path: str) -> None:
    """Bring the schema to the present version, in one transaction.

    Raises:
        EnvironmentFault: see `version`; or rows are in the way of a unique index.
        UserError: see `missing_fields`.

    Cost: nothing if there is nothing to do; adopting an original's file reads its tests once.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        _apply(db, fields, path)
        reach("schema before commit")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _apply(db: sqlite3.Connection, fields: Sequence[Field], path: str) -> None:
    number = version(db, path)  # read again: somebody else may have migrated while we waited
    empty = db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None
    for script in _scripts()[number:]:
        for statement in _statements(script):
            if empty or not _is_done(db, statement):
                db.execute(statement)
    try:
        if number < LATEST:
            _ensure_unique(db)
        new = missing_fields(db, fields, path)
        if new or number < LATEST:
            add_fields(db, new, fields)
    except sqlite3.IntegrityError as error:
        raise EnvironmentFault(
            f"{path} has two rows for the same run, test or step ({error})",
            hint="remove one of them with sqlite3, or move the file away and use `megatest rebuild`",
        ) from error
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {LATEST}")


def _scripts() -> Sequence[str]:
    """Return the text of each migration, in order."""
    names = sorted(name for name in os.listdir(_DIRECTORY) if name.endswith(".sql") and name[:4].isdigit())
    assert len(names) == LATEST
    scripts: list[str] = []
    for name in names:
        with open(os.path.join(_DIRECTORY, name), encoding="utf-8") as file:
            scripts.append(file.read())
    return scripts


def _statements(text: str) -> Iterator[str]:
    """Yield the statements of a script, without the comments between them."""
    statement = ""
    for line in text.splitlines():
        if not statement and (not line or line.startswith("--")):
            continue
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _is_done(db: sqlite3.Connection, statement: str) -> bool:
    """Return whether a statement adds a column that some version of the original had already."""
    found = re.match(_ADD_COLUMN, statement)
    if found is None:
        return False
    return any(str(row[1]).lower() == found[2] for row in db.execute(f"PRAGMA table_info({found[1]})"))


def _ensure_unique(db: sqlite3.Connection) -> None:
    for table, columns in _UNIQUE:
        if set(columns) not in _unique_indexes(db, table):
            db.execute(f"CREATE UNIQUE INDEX {table}_unique ON {table} ({', '.join(columns)})")


def _unique_indexes(db: sqlite3.Connection, table: str) -> list[set[str]]:
    names = [str(row[1]) for row in db.execute(f"PRAGMA index_list({table})") if row[2]]
    quoted = [name.replace('"', '""') for name in names]
    return [{str(row[2]) for row in db.execute(f'PRAGMA index_info("{name}")')} for name in quoted]
