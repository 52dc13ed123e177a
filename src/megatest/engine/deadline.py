"""When live attempts have run for too long."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator

from megatest.engine.attempt import Attempt


class Deadlines:
    """A time for each attempt that has a limit; all times are monotonic seconds.

    An attempt that is over is passed over when its time comes.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, int]] = []

    def set(self, attempt: Attempt, at: float) -> None:
        """Set when an attempt will have run for too long, O(log n)."""
        heapq.heappush(self._heap, (at, attempt.row.id, attempt.number))

    def passed(self, now: float) -> Iterator[tuple[int, int]]:
        """Yield row and number of the attempts whose time has come, each once."""
        while self._heap and self._heap[0][0] <= now:
            _, row, number = heapq.heappop(self._heap)
            yield row, number

    def next_at(self) -> float:
        """Return when the next time comes; infinite if none ever does."""
        return self._heap[0][0] if self._heap else math.inf
