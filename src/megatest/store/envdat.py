"""Environments by name, in a small database of their own: the original's ``envdat.db``."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Final

from megatest.model.error import EnvironmentFault
from megatest.store.rows import bindable, text_from_bytes
from megatest.store.statement import load_statements

_WAIT_S: Final = 10.0


def keep(path: str, context: str, variables: Mapping[str, str]) -> None:
    """Store variables under a name, in place of those that it had; the file is made if need be.

    Raises:
        EnvironmentFault: the file cannot be written, or is no such database.
    """
    statements = load_statements((), "envdat.sql")
    rows = [(bindable(context), bindable(name), bindable(value)) for name, value in variables.items()]
    with _opened(path) as db, db:
        db.execute(statements["make"])
        db.execute(statements["forget"], (bindable(context),))
        db.executemany(statements["keep"], rows)


def kept(path: str, context: str) -> Mapping[str, str]:
    """Return the variables that are stored under a name; nothing under one that is not there.

    Raises:
        EnvironmentFault: the file cannot be read, or is no such database.
    """
    statements = load_statements((), "envdat.sql")
    with _opened(path) as db:
        return dict(db.execute(statements["variables"], (bindable(context),)))


@contextmanager
def _opened(path: str) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(path, timeout=_WAIT_S)) as db:
            db.text_factory = text_from_bytes
            yield db
    except sqlite3.Error as error:
        raise EnvironmentFault(
            f"{path}: no environments can be kept or found here: {error}", hint="name another file"
        ) from error
