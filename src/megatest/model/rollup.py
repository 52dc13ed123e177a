"""How the items of a test roll up into the state and status of their parent.

The rule looks only at which (state, status) pairs occur, not at how often or in which order,
and is that of the original's 2018 version with two changes: deleted items do not
count, and an item that failed outweighs items that could not run because of a prerequisite.

1. Items that are being removed do not lend their state, unless there is nothing else.
2. Any item running: the parent is RUNNING.  Else any PREQ_FAIL: NOT_STARTED.  Else any item that
   will not start for another reason: COMPLETED.  Else the first state that is not
   COMPLETED, else COMPLETED.
3. Any PREQ_FAIL: that is the status.  Else, where items are still to start or will not: STARTED.
   Else the worst status.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from megatest.model.status import State, Status, is_good, severity

Pair = tuple[str, str]
"""A state and a status."""

_RUNNING: Final = frozenset({"RUNNING", "REMOTEHOSTSTART", "LAUNCHED", "STARTED"})
_GOING_AWAY: Final = frozenset({"REMOVING", "CLEANING", "ARCHIVE_REMOVING"})
_MAY_STILL_START: Final = frozenset({"n/a", "na", "PASS", "FAIL", "WARN", "CHECK", "WAIVED", "DEAD", "SKIP"})
_STATE_ORDER: Final = (
    "ARCHIVED",
    "STUCK",
    "KILLREQ",
    "KILLED",
    "NOT_STARTED",
    "COMPLETED",
    "LAUNCHED",
    "REMOTEHOSTSTART",
    "RUNNING",
)
_STATE_RANK: Final = {state: rank for rank, state in enumerate(_STATE_ORDER, start=1)}


def roll_up(pairs: Iterable[Pair]) -> Pair | None:
    """Return the parent's state and status, given those of its items in any order.

    None if no item counts: there is none, or all are deleted.

    Cost: linear in the pairs; distinct ones are few.
    """
    counted = {pair for pair in pairs if pair[0] != State.DELETED}
    if not counted:
        return None
    worst = max((status for _, status in counted), key=_status_key)
    if severity(worst) >= severity(Status.FAIL):
        counted = {pair for pair in counted if pair[1] != Status.PREQ_FAIL}
    return _state_and_status(counted, worst)


def _state_and_status(pairs: set[Pair], worst: str) -> Pair:
    """Apply the rule to pairs in which PREQ_FAIL is not outweighed."""
    states = {state for state, _ in pairs}
    lending = states - _GOING_AWAY or states
    unfinished = lending - {State.COMPLETED}
    without_prerequisite = any(status == Status.PREQ_FAIL for _, status in pairs)
    will_not_start = any(
        state == State.NOT_STARTED and status not in _MAY_STILL_START for state, status in pairs
    )
    if lending & _RUNNING:
        state: str = State.RUNNING.value
    elif without_prerequisite:
        state = State.NOT_STARTED.value
    elif will_not_start:
        state = State.COMPLETED.value
    else:
        state = max(unfinished or lending, key=_state_key)
    if without_prerequisite:
        return state, Status.PREQ_FAIL.value
    if will_not_start or (state == State.NOT_STARTED and unfinished):
        return state, Status.STARTED.value
    return state, worst


def _state_key(state: str) -> tuple[int, str]:
    return _STATE_RANK.get(state, 0), state


def _status_key(status: str) -> tuple[int, str]:
    return severity(status), status


def spoils(state: str, status: str) -> bool:
    """Return whether one item that stays so keeps its parent from ever being good."""
    if is_good(state, status) or state == State.DELETED:
        return False
    if state in _GOING_AWAY or state == State.COMPLETED:
        return severity(status) > severity(Status.CHECK)
    return True


class RollUp:
    """The items of one test, counted by pair, so that one change costs O(1)."""

    __slots__ = ("_counts",)

    def __init__(self, pairs: Iterable[Pair] = ()) -> None:
        self._counts: dict[Pair, int] = {}
        for state, status in pairs:
            self.add(state, status)

    def add(self, state: str, status: str) -> None:
        """Count one more item."""
        pair = (state, status)
        self._counts[pair] = self._counts.get(pair, 0) + 1

    def remove(self, state: str, status: str) -> None:
        """Count one item less.

        Raises:
            KeyError: no item has this pair.
        """
        pair = (state, status)
        left = self._counts[pair] - 1
        if left:
            self._counts[pair] = left
        else:
            del self._counts[pair]

    def replace(self, old: Pair, new: Pair) -> None:
        """Take one item's change into account.

        Raises:
            KeyError: no item has the old pair.
        """
        if old != new:
            self.remove(*old)
            self.add(*new)

    def top(self) -> Pair | None:
        """Return what `roll_up` gives for all items; cost grows with the distinct pairs only."""
        return roll_up(self._counts)

    def pairs(self) -> Collection[Pair]:
        """Return the distinct pairs that occur."""
        return self._counts.keys()

    @property
    def pass_count(self) -> int:
        """Items that `passed`."""
        return passed(self._counts)

    @property
    def fail_count(self) -> int:
        """Items that `failed`."""
        return failed(self._counts)


def passed(counts: Mapping[Pair, int]) -> int:
    """Return how many have status PASS or WARN, given how many there are of each pair."""
    return _count(counts, Status.PASS, Status.WARN)


def failed(counts: Mapping[Pair, int]) -> int:
    """Return how many have status FAIL or ABORT, given how many there are of each pair."""
    return _count(counts, Status.FAIL, Status.ABORT)


def _count(counts: Mapping[Pair, int], *statuses: Status) -> int:
    return sum(
        count for (state, status), count in counts.items() if status in statuses and state != State.DELETED
    )
