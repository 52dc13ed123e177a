"""Rows that wait for nothing but limits, in the order in which they start.

Rows with equal demands share a lane: if a limit keeps the first of them from starting, it keeps
all of them, so a full group is asked about once a turn and not once a row.

A lane is a heap, and in front of it the few rows that come next, in order: the first row and a look
ahead are read off there, and each row passes the heap once, however often somebody looks.
"""

from __future__ import annotations

import heapq
from bisect import insort
from collections.abc import Iterable, Sequence
from typing import Final

from megatest.model.claim import Share
from megatest.model.ids import TestId
from megatest.plan.account import Account
from megatest.plan.limits import Limits
from megatest.plan.line import Line
from megatest.plan.priority import Rank
from megatest.plan.row import Row, Stage

_MOST_IN_FRONT: Final = 16
# A member looked up in its Enum costs several times as much as a name of the module, and each edge asks.
_READY: Final = Stage.READY

_Entry = tuple[Rank, Row]


class Lane:
    """The ready rows with one demand.

    Attributes:
        account: what they use of the limits.
        misfit: the share for which they can never start; None if they can.
    """

    __slots__ = ("_front", "_rest", "account", "misfit")

    def __init__(self, account: Account, misfit: Share | None) -> None:
        self.account = account
        self.misfit = misfit
        self._front: list[_Entry] = []  # in order, all of it before the rest
        self._rest: list[_Entry] = []  # a heap

    def push(self, entry: _Entry) -> None:
        """Take a row in, O(log n)."""
        front = self._front
        if not front or front[-1] < entry:
            heapq.heappush(self._rest, entry)
            return
        insort(front, entry)
        if len(front) > _MOST_IN_FRONT:
            heapq.heappush(self._rest, front.pop())

    def first(self, count: int) -> Sequence[_Entry]:
        """Return the first entries, `count` of them if there are so many; they stay."""
        front, rest = self._front, self._rest
        while rest and len(front) < count:
            front.append(heapq.heappop(rest))
        return front

    def drop(self, index: int) -> _Entry:
        """Take out one of the entries that `first` returned."""
        return self._front.pop(index)

    def clear(self) -> None:
        """Take out every row."""
        for _, row in (*self._front, *self._rest):
            row.queued = False
        self._front.clear()
        self._rest.clear()


class ReadyQueue:
    """The ready rows of all lanes.  A row that is no longer ready is dropped when its turn comes."""

    __slots__ = ("_held", "_held_at", "_lanes", "_latest", "_limits", "_line")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lanes: dict[Account, Lane] = {}
        self._latest: Lane | None = None
        self._held: dict[TestId, _Entry] = {}  # exclusive, active in another run
        self._held_at = limits.generation
        self._line = Line()

    def lane(self, test_id: TestId) -> Lane:
        """Return the lane of a test or item."""
        demand = self._limits.demand(test_id)
        latest = self._latest
        if latest is not None and demand is latest.account.demand:
            return latest
        account = self._limits.account(demand)
        lane = self._lanes.get(account)
        if lane is None:
            lane = self._lanes[account] = Lane(account, self._limits.misfit(demand))
        self._latest = lane
        return lane

    def push(self, row: Row, rank: Rank) -> None:
        """Take a row in, O(log n), unless it is there."""
        if not row.queued:
            assert row.lane is not None
            row.queued = True
            row.lane.push((rank, row))

    def rebuild(self, ranked: Iterable[tuple[Row, Rank]]) -> None:
        """Replace everything, for ranks that have changed; O(n log n)."""
        for lane in self._lanes.values():
            lane.clear()
        for _, row in self._held.values():
            row.queued = False
        self._held.clear()
        for row, rank in ranked:
            self.push(row, rank)

    def first(self) -> Row | None:
        """Return the first row that every limit lets start, without taking it out.

        Cost: O(lanes), and O(log n) for each row the first time that it is seen; a row that is
        held for exclusivity is looked at once per change of what other runs do.
        """
        self._let_go()
        if self._limits.has_common:
            return self._first_in_line()
        best: _Entry | None = None
        for lane in self._lanes.values():
            if lane.account.fits():
                entry = self._first_of(lane)
                if entry is not None and (best is None or entry < best):
                    best = entry
        return best[1] if best else None

    def _first_in_line(self) -> Row | None:
        """Return the same where there are groups or pools, which may be kept for a better row."""
        account = self._line.first(self._accounts())
        return self._best_of(account) if account is not None else None

    def _accounts(self) -> list[Account]:
        """Return the accounts of the rows that wait, those of better rows first; O(d log d)."""
        waiting: dict[Account, Rank] = {}
        for account, lane in self._lanes.items():
            entry = self._first_of(lane)
            if entry is None:
                self._line.forget(account)
            else:
                waiting[account] = entry[0]
        return sorted(waiting, key=waiting.__getitem__)

    def _best_of(self, account: Account) -> Row:
        return self._lanes[account].first(1)[0][1]

    def why_kept_back(self, row: Row) -> str:
        """Return for which row a ready one leaves what it would take; empty if for none."""
        assert row.lane is not None
        kept = self._line.kept(self._accounts())
        limited = self._line.kept_back(row.lane.account, kept)
        if limited is None:
            return ""
        amount, account = kept[limited]
        what = f"{amount} of {limited.kind} {limited.name!r}"
        return f"{what} goes to {self._best_of(account).test_id}, which is before it and lacks something yet"

    def wants(self) -> dict[tuple[str, str], Share]:
        """Return what rows lack because of other runs, by kind and name; asked when none may start."""
        return self._line.wants(self._accounts())

    def _first_of(self, lane: Lane) -> _Entry | None:
        """Return the first entry of a lane whose row may start, having dropped those before it."""
        while entries := lane.first(1):
            entry = entries[0]
            row = entry[1]
            if row.stage is not _READY:
                row.queued = False
            elif self.is_held(row):
                self._held[row.test_id] = entry
            else:
                return entry
            lane.drop(0)
        return None

    def is_held(self, row: Row) -> bool:
        """Return whether mode exclusive keeps a row from starting."""
        return self._limits.active_elsewhere(row.test_id) and row.test.requirements.exclusive

    def _let_go(self) -> None:
        if self._held_at == self._limits.generation:
            return
        self._held_at = self._limits.generation
        held, self._held = self._held, {}
        for rank, row in held.values():
            row.queued = False
            if row.stage is _READY:
                self.push(row, rank)

    def upcoming(self, count: int) -> list[Row]:
        """Return the next rows, whatever the limits say: a look ahead, not a promise.

        Cost: O(count) for each lane.
        """
        found: list[_Entry] = []
        for lane in self._lanes.values():
            found += _ready_of(lane, count)
        if len(self._lanes) > 1:
            found = heapq.nsmallest(count, found)
        return [row for _, row in found]


def _ready_of(lane: Lane, count: int) -> Sequence[_Entry]:
    """Return the first entries of a lane whose rows are ready, having dropped what is not ready before."""
    index = 0
    while index < count and index < len(entries := lane.first(index + 1)):
        row = entries[index][1]
        if row.stage is _READY:
            index += 1
        else:
            lane.drop(index)
            row.queued = False
    return lane.first(0)[:index]
