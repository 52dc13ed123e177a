"""The end of a run's journal: which rows a command that died may have written about in vain.

A commit is written to the run's journal before it is made.  Whoever takes the run next does not
know whether the last ones were made; the database does.  So the rows that the end of the journal
speaks of are written down again as they stand.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from megatest.typed import Any, Final

_LEAST_BYTES: Final = 1 << 16
"""Several commands may have been writing: more than the last line counts."""


def rows_at_the_end(path: str) -> frozenset[int]:
    """Return the rows of the last commits and removals that a run's journal tells of.

    Cost: reads the last 64 KiB, or the last line if that is longer.
    """
    try:
        with open(path, "rb") as file:
            lines = _last_lines(file.fileno())
    except OSError:
        return frozenset()
    return frozenset(row for line in lines for row in _rows_of(line))


def _last_lines(descriptor: int) -> list[bytes]:
    """Return the lines of the file's end, the first of them perhaps cut."""
    size = os.fstat(descriptor).st_size
    wanted = _LEAST_BYTES
    while True:
        end = os.pread(descriptor, wanted, max(0, size - wanted))
        lines = end.splitlines()
        if len(lines) > 1 or wanted >= size:
            return lines
        wanted *= 4


def _rows_of(line: bytes) -> Iterator[int]:
    try:
        record: dict[str, Any] = json.loads(line)
        if record["k"] == "changes":
            yield from (change[1] for change in record["changes"])
        elif record["k"] == "gone":
            yield from record["rows"]
    except (ValueError, KeyError, TypeError, IndexError):
        return
