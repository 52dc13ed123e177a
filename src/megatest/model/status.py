"""States and statuses, what they mean for other tests, and which follows which.

A *state* says where a test is in its life, a *status* how it came out.  Both are stored as
text, because a test may report words of its own; the enums hold the words with a meaning.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where a test is in its life."""

    NOT_STARTED = "NOT_STARTED"
    LAUNCHED = "LAUNCHED"  # handed to an executor
    REMOTEHOSTSTART = "REMOTEHOSTSTART"  # its job script has begun
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    KILLREQ = "KILLREQ"  # somebody asks for its end
    KILLED = "KILLED"
    INCOMPLETE = "INCOMPLETE"  # nobody accounts for it any more
    STUCK = "STUCK"
    UNKNOWN = "UNKNOWN"
    REMOVING = "REMOVING"
    CLEANING = "CLEANING"
    ARCHIVE_REMOVING = "ARCHIVE_REMOVING"
    FAILEDKILL = "FAILEDKILL"
    ARCHIVED = "ARCHIVED"
    DELETED = "DELETED"


class Status(StrEnum):
    """How a test came out, or why it did not run."""

    NA = "n/a"
    PASS = "PASS"  # noqa: S105
    WARN = "WARN"
    FAIL = "FAIL"
    CHECK = "CHECK"
    WAIVED = "WAIVED"
    SKIP = "SKIP"
    ABORT = "ABORT"
    AUTO = "AUTO"
    DEAD = "DEAD"
    STUCK_DEAD = "STUCK/DEAD"
    KILLED = "KILLED"
    PREQ_FAIL = "PREQ_FAIL"
    PREQ_DISCARDED = "PREQ_DISCARDED"
    ZERO_ITEMS = "ZERO_ITEMS"
    STARTED = "STARTED"


GOOD: Final = frozenset({Status.PASS, Status.WARN, Status.CHECK, Status.WAIVED, Status.SKIP})
"""Statuses that let the tests behind run."""

ACTIVE: Final = frozenset({State.LAUNCHED, State.REMOTEHOSTSTART, State.RUNNING, State.KILLREQ})
"""States in which a process may exist."""

ENDED: Final = frozenset({State.COMPLETED, State.KILLED, State.INCOMPLETE, State.STUCK, State.ARCHIVED})
"""States that satisfy a prerequisite of mode ``toplevel``."""
