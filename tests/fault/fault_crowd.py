"""A program that writes to a database, or reads from it, while others do.

``python fault_crowd.py write|read DATABASE ROW``
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from megatest.app.wiring import SystemClock
from megatest.model.spec import Field
from megatest.store.sqlite import SqliteStore, open_store

PAUSE_S = 0.005


def _write(store: SqliteStore, row: int, until: Path) -> int:
    """Set one row by hand again and again; return how often."""
    count = 0
    while not until.exists():
        count += 1
        done = store.set_state_status(
            [row], state="COMPLETED", status=f"W{count}", comment=str(count), user="w", reason="r", time=count
        )
        assert [test.status for test in done] == [f"W{count}"]
        time.sleep(PAUSE_S)
    return count


def _read(store: SqliteStore, row: int, until: Path) -> int:
    """Read one row and all of its run; what is read never goes back. Return how often."""
    count = last = 0
    while not until.exists():
        count += 1
        test = store.test_by_id(row)
        assert test is not None
        seen = int(test.comment or 0)
        assert seen >= last, "an older state than was seen before"
        last = seen
        assert store.tests(test.run_id)
        assert len(store.edits(row)) >= seen
        time.sleep(PAUSE_S)
    return count


def main(role: str, path: str, row: str) -> None:
    """Play a role until the file ``PATH.stop`` appears, then print how often."""
    store = open_store(
        path, (Field(name="SYSTEM"),), create=False, read_only=role == "read", clock=SystemClock()
    )
    try:
        play = _read if role == "read" else _write
        print(play(store, int(row), Path(f"{path}.stop")))
    finally:
        store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
