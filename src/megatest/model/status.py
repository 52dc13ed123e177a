"""States and statuses, what they mean for other tests, and which follows which.

A *state* says where a test is in its life, a *status* how it came out.  Both are stored as
text, because a test may report words of its own; the enums hold the words with a meaning.
"""

from __future__ import annotations

from enum import StrEnum
from megatest.typed import Final


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
    AUTO = "AUTO"  # its measured values decide
    AUTO_WARN = "AUTO-WARN"  # it warns, and they had to decide
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

SEVERITY: Final = (
    Status.NA,
    Status.PASS,
    Status.SKIP,
    Status.WAIVED,
    Status.WARN,
    Status.CHECK,
    Status.STUCK_DEAD,
    Status.DEAD,
    Status.PREQ_FAIL,
    Status.PREQ_DISCARDED,
    Status.FAIL,
    Status.ABORT,
)
"""Statuses from harmless to worst; every other word is more harmless than all of them."""

_RANK: Final[dict[str, int]] = {status.value: rank for rank, status in enumerate(SEVERITY, start=1)}


def severity(status: str) -> int:
    """Return how bad a status is: 0 for a word without a meaning of ours, then `SEVERITY`."""
    return _RANK.get(status, 0)


def is_good(state: str, status: str) -> bool:
    """Return whether a result lets the tests behind it run (modes normal and itemmatch)."""
    return state == State.COMPLETED and status in GOOD


def is_ended(state: str) -> bool:
    """Return whether a result lets the tests of mode toplevel behind it run."""
    return state in ENDED


_REMOVAL: Final = frozenset({State.REMOVING, State.CLEANING, State.ARCHIVE_REMOVING, State.DELETED})
_STARTS: Final = frozenset({State.NOT_STARTED, State.LAUNCHED})
_ENDS: Final = frozenset({State.COMPLETED, State.KILLED, State.INCOMPLETE, State.STUCK})
_AT_REST: Final = _STARTS | _REMOVAL | {State.ARCHIVED}

_NEXT: Final[dict[str, frozenset[State]]] = {
    # Skipped, or judged by hand, without a process; a request to kill may overtake the launch.
    State.NOT_STARTED: _STARTS | _ENDS | _REMOVAL | {State.KILLREQ},
    # Back to NOT_STARTED: the executor would not have it, or the launch was revoked.
    State.LAUNCHED: _ENDS | {State.NOT_STARTED, State.REMOTEHOSTSTART, State.RUNNING, State.KILLREQ},
    State.REMOTEHOSTSTART: _ENDS | {State.RUNNING, State.KILLREQ},
    State.RUNNING: _ENDS | {State.KILLREQ},
    State.KILLREQ: _ENDS | {State.NOT_STARTED, State.FAILEDKILL},
    State.FAILEDKILL: _ENDS | _AT_REST | {State.KILLREQ},
    State.COMPLETED: _AT_REST,
    # A killed test's journal may say that it had ended by itself before the signal came.
    State.KILLED: _AT_REST | {State.COMPLETED},
    # Nobody accounted for it, and then it was heard of again.
    State.INCOMPLETE: _AT_REST | _ENDS | {State.RUNNING, State.KILLREQ},
    State.STUCK: _AT_REST | _ENDS | {State.RUNNING, State.KILLREQ},
    State.ARCHIVED: _AT_REST | {State.COMPLETED},
    # Removal that could not be finished leaves what was there before.
    State.REMOVING: _AT_REST | _ENDS,
    State.CLEANING: _AT_REST | _ENDS,
    State.ARCHIVE_REMOVING: _AT_REST | _ENDS,
    State.DELETED: _STARTS | {State.DELETED},
}


def legal_change(old: str, new: str) -> bool:
    """Return whether the state of a test or item may go from `old` to `new`.

    Staying is legal (the status may change).  Words that are not ours, and UNKNOWN, which only
    a user sets, may follow and be followed by anything.  Parents of items are no concern of
    this rule: their state follows from the items and may go anywhere.
    """
    following = _NEXT.get(old)
    return following is None or old == new or new not in _NEXT or new in following
