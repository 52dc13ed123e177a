"""The area's fields as columns of the table runs, and what to say when the two do not agree."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from megatest.model.error import UserError
from megatest.model.field import name_problem
from megatest.model.spec import Field

TYPES: Final = frozenset(
    {"TEXT", "VARCHAR", "CHAR", "STRING", "INTEGER", "INT", "REAL", "FLOAT", "DOUBLE", "NUMERIC", "DATE"}
)

VALUE_BEFORE: Final = "none"
"""What earlier runs have in a field that was added later: a target needs a value that can be typed."""


def check_fields(fields: Sequence[Field]) -> None:
    """Make sure that the fields' names and types may become SQL.

    Raises:
        UserError: there is none, one is no plain name, is taken or comes twice, or a type is unknown.
    """
    if not fields:
        raise UserError(
            "the area has no fields", hint="add a [fields] section to megatest.config: `SYSTEM TEXT`"
        )
    seen: set[str] = set()
    for field in fields:
        problem = _problem(field, seen)
        if problem:
            raise UserError(f"field {field.name!r} {problem}", hint="see [fields] in megatest.config")
        seen.add(field.name.lower())


def _problem(field: Field, seen: set[str]) -> str:
    if problem := name_problem(field.name, seen):
        return problem
    if field.sql_type.upper() not in TYPES:
        return f"has the unknown type {field.sql_type!r}; known are {', '.join(sorted(TYPES))}"
    return ""


def missing_fields(db: sqlite3.Connection, fields: Sequence[Field], path: str) -> Sequence[Field]:
    """Return the area's fields that the database does not have yet; all of them in a new one.

    Raises:
        UserError: the database has a field that the area has not, or another order.
    """
    stored = [str(row[0]) for row in db.execute("SELECT fieldname FROM keys ORDER BY id")]
    known = {name.lower() for name in stored}
    shared = [field.name.lower() for field in fields if field.name.lower() in known]
    if shared != [name.lower() for name in stored]:
        raise UserError(
            f"the fields of the area ({'/'.join(f.name for f in fields)}) are not "
            f"those of {path} ({'/'.join(stored)})",
            hint="put [fields] back as it was (fields may be added, not removed, renamed or reordered), "
            "or move the database away and start a new one",
        )
    return [field for field in fields if field.name.lower() not in known]


def add_fields(db: sqlite3.Connection, new: Sequence[Field], fields: Sequence[Field]) -> None:
    """Give the table runs its columns for new fields and make runs unique in all of them.

    Every column is TEXT, whatever the declared type (which is kept in `keys`): with another one
    SQLite would store the target value ``1.10`` as the number 1.1.
    """
    existing = {str(row[1]).lower() for row in db.execute("PRAGMA table_info(runs)")}
    for field in new:
        if field.name.lower() not in existing:
            db.execute(f"ALTER TABLE runs ADD COLUMN \"{field.name}\" TEXT DEFAULT '{VALUE_BEFORE}'")
    db.execute("DELETE FROM keys")  # and again in the area's order
    db.executemany(
        "INSERT INTO keys (fieldname, fieldtype) VALUES (?, ?)", [(f.name, f.sql_type) for f in fields]
    )
    if new and _has_unique_constraint(db):
        _rebuild_runs(db)
    columns = ", ".join(f'"{field.name}"' for field in fields)
    db.execute("DROP INDEX IF EXISTS runs_by_name")
    db.execute(f"CREATE UNIQUE INDEX runs_by_name ON runs (runname, {columns})")


def _has_unique_constraint(db: sqlite3.Connection) -> bool:
    """Whether the original's own UNIQUE (runname, fields) stands in the way of a further field."""
    return any(row[3] == "u" for row in db.execute("PRAGMA index_list(runs)"))


def _rebuild_runs(db: sqlite3.Connection) -> None:
    """Copy the table without its constraint, which SQLite cannot drop."""
    columns = [(str(row[1]), str(row[2]), row[4]) for row in db.execute("PRAGMA table_info(runs)")]
    definitions = [_definition(name, kind, default) for name, kind, default in columns]
    db.execute("PRAGMA legacy_alter_table = ON")  # views on runs are not looked at meanwhile
    db.execute(f"CREATE TABLE runs_copy ({', '.join(definitions)})")
    db.execute("INSERT INTO runs_copy SELECT * FROM runs")
    db.execute("DROP TABLE runs")
    db.execute("ALTER TABLE runs_copy RENAME TO runs")
    db.execute("PRAGMA legacy_alter_table = OFF")


def _definition(name: str, kind: str, default: str | None) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    if name.lower() == "id":
        return f"{quoted} INTEGER PRIMARY KEY AUTOINCREMENT"
    return f"{quoted} {kind}" + ("" if default is None else f" DEFAULT {default}")
