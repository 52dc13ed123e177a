"""Rows that wait for nothing but limits, in the order in which they start.

Rows with equal demands share a heap: if a limit keeps the first of them from starting, it
keeps all of them, so a full group is asked about once a turn and not once a row.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

from megatest.model.claim import Share
from megatest.model.ids import TestId
from megatest.plan.limits import Demand, Limits
from megatest.plan.line import Line
from megatest.plan.node import Row, Stage
from megatest.plan.priority import Rank

_Heap = list[tuple[Rank, Row]]


class ReadyQueue:
    """The ready rows.  A row that is no longer ready is dropped when its turn comes."""

    __slots__ = ("_heaps", "_held", "_held_at", "_limits", "_line")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._heaps: dict[Demand, _Heap] = {}
        self._held: dict[TestId, tuple[Rank, Row]] = {}  # exclusive, active in another run
        self._held_at = limits.generation
        self._line = Line(limits)

    def push(self, row: Row, rank: Rank) -> None:
        """Take a row in, O(log n).  Pushed twice it still starts once."""
        assert row.demand is not None
        heapq.heappush(self._heaps.setdefault(row.demand, []), (rank, row))

    def rebuild(self, ranked: Iterable[tuple[Row, Rank]]) -> None:
        """Replace everything, for ranks that have changed; O(n log n)."""
        self._heaps.clear()
        self._held.clear()
        for row, rank in ranked:
            self.push(row, rank)

    def first(self, now: float | None) -> Row | None:
        """Return the first row that every limit lets start, without taking it out.

        Cost: O(demands + log n); a row that is held for exclusivity is looked at once per
        change of what other runs do.
        """
        self._let_go()
        if self._limits.has_common:
            return self._first_in_line(now)
        best: tuple[Rank, Row] | None = None
        for demand, heap in self._heaps.items():
            if not heap or self._limits.why_not(demand, now):
                continue
            self._drop_stale(heap)
            if heap and (best is None or heap[0] < best):
                best = heap[0]
        return best[1] if best else None

    def _first_in_line(self, now: float | None) -> Row | None:
        """Return the same where there are groups or pools, which may be kept for a better row."""
        if now is not None and now < self._limits.open_at:
            return None
        demand = self._line.first(self._demands())
        return self._heaps[demand][0][1] if demand is not None else None

    def _demands(self) -> list[Demand]:
        """Return the demands of the rows that wait, those of better rows first; O(d log d)."""
        for demand, heap in self._heaps.items():
            self._drop_stale(heap)
            if not heap:
                self._line.forget(demand)
        return sorted((demand for demand, heap in self._heaps.items() if heap), key=self._best)

    def _best(self, demand: Demand) -> Rank:
        return self._heaps[demand][0][0]

    def why_kept_back(self, row: Row) -> str:
        """Return for which row a ready one leaves what it would take; empty if for none."""
        assert row.demand is not None
        kept = self._line.kept(self._demands())
        for share in self._limits.shares(row.demand):
            if self._line.lacks(share, kept):
                better = self._heaps[kept[share.key][1]][0][1]
                amount = f"{kept[share.key][0]} of {share.kind} {share.name!r}"
                return f"{amount} goes to {better.test_id}, which is before it and lacks something yet"
        return ""

    def wants(self) -> dict[tuple[str, str], Share]:
        """Return what rows lack because of other runs, by kind and name; asked when none may start."""
        return self._line.wants(self._demands())

    def _drop_stale(self, heap: _Heap) -> None:
        while heap:
            rank, row = heap[0]
            if row.stage is Stage.READY:
                if not self.is_held(row):
                    return
                self._held[row.test_id] = (rank, row)
            heapq.heappop(heap)

    def is_held(self, row: Row) -> bool:
        """Return whether mode exclusive keeps a row from starting."""
        return row.test.requirements.exclusive and self._limits.active_elsewhere(row.test_id)

    def _let_go(self) -> None:
        if self._held_at == self._limits.generation:
            return
        self._held_at = self._limits.generation
        held, self._held = self._held, {}
        for rank, row in held.values():
            self.push(row, rank)

    def upcoming(self, count: int) -> list[Row]:
        """Return the next rows, whatever the limits say: a look ahead, not a promise.

        Cost: O(count log count) for each demand.
        """
        found: list[tuple[Rank, Row]] = []
        for heap in self._heaps.values():
            found += _smallest(heap, count)
        return [row for _, row in heapq.nsmallest(count, found)]


def _smallest(heap: _Heap, count: int) -> Iterator[tuple[Rank, Row]]:
    """Yield the smallest entries of a heap that are still ready, without changing it."""
    frontier: list[tuple[tuple[Rank, Row], int]] = [(heap[0], 0)] if heap else []
    seen: set[TestId] = set()
    while frontier and len(seen) < count:
        entry, index = heapq.heappop(frontier)
        if entry[1].stage is Stage.READY and entry[1].test_id not in seen:
            seen.add(entry[1].test_id)
            yield entry
        for child in (2 * index + 1, 2 * index + 2):
            if child < len(heap):
                heapq.heappush(frontier, (heap[child], child))
