"""What a field of the target may be called: it becomes a column of the table of runs."""

from __future__ import annotations

from collections.abc import Container
from typing import Final

_LONGEST_NAME: Final = 63
_RUN_COLUMNS: Final = frozenset(
    {
        *("id", "runname", "state", "status", "owner", "event_time", "comment"),
        *("fail_count", "pass_count", "contour", "last_update"),
    }
)


def name_problem(name: str, earlier: Container[str]) -> str:
    """Return why a field cannot have this name, as the end of a sentence; empty if it can.

    Args:
        name: as it is written.
        earlier: the names of the fields before it, in lower case: to SQL case does not count.
    """
    if not (name.isascii() and name.isidentifier() and len(name) <= _LONGEST_NAME):
        return f"is no name for a column: letters, digits and '_', at most {_LONGEST_NAME}, no digit first"
    if name.lower() in _RUN_COLUMNS:
        return "has the name of a column that every run has"
    if name.lower() in earlier:
        return "comes twice (case does not count)"
    return ""
