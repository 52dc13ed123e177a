"""Take out of a database file what nothing refers to, and give its room back."""

from __future__ import annotations

from contextlib import closing
from typing import Final

from megatest.store.database import connect
from megatest.store.fault import told
from megatest.store.statement import load_statements

_FORGET: Final = (
    "forget_tests_without_run",
    "forget_steps_without_test",
    "forget_values_without_test",
    "forget_rundat_without_test",
)


def tidy(path: str, *, network: bool, busy_timeout_s: float = 10.0) -> int:
    """Delete rows of tests and runs that do not exist, then write the file anew without gaps.

    Args:
        path: of a database of the latest schema.
        network: it lies on a network file system.
        busy_timeout_s: how long to wait for another program's lock.

    Returns:
        How many rows went.

    Raises:
        EnvironmentFault: another program is at work in it; there is no room for the copy.
    """
    statements = load_statements(["unused"])
    with told(path), closing(connect(path, network=network, read_only=False, timeout_s=busy_timeout_s)) as db:
        db.execute("BEGIN IMMEDIATE")
        gone = sum(db.execute(statements[name]).rowcount for name in _FORGET)
        db.execute("COMMIT")
        db.execute("VACUUM")
    return gone
