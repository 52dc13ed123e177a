"""When the journal of each live attempt is looked at next.

An executor that learns of an end as it happens needs no looks: once a second shows people what a
test says of itself.  Behind a queue the exit record is the first news of an end, so there the
looks are frequent while a test is young and grow rarer with its age.  However many tests there
are, the looks of a second are bounded; those that have begun come before those that wait in a
queue, whose start the queue tells too.
"""

from __future__ import annotations

import heapq
import math

from megatest.engine.attempt import Attempt
from megatest.model.slotted import dataclass

_CALM_S = 1.0
_FIRST_S = 0.1
_SHARE_OF_AGE = 0.1
_SLOWEST_BEGUN_S = 2.0
_SLOWEST_QUEUED_S = 5.0
_BEGUN_PER_S = 400
_QUEUED_PER_S = 100
_STEP_S = 0.05
_MOST_AT_ONCE = 50


@dataclass(slots=True)
class _Watched:
    """One attempt (mutable): since when it is in its stage, and when it is looked at next."""

    attempt: Attempt
    since: float
    at: float
    begun: bool


class Rounds:
    """Says which journals are due; the caller reads them.

    All times are monotonic seconds given by the caller.  Cost: O(log n) for each look.
    """

    def __init__(self) -> None:
        self._calm: dict[int, Attempt] = {}
        self._calm_at = 0.0
        self._watched: dict[int, _Watched] = {}
        self._heap: list[tuple[float, int]] = []
        self._begun = 0
        self._not_before = 0.0

    def add(self, attempt: Attempt, now: float, *, closely: bool) -> None:
        """Look after an attempt from now on.

        Args:
            attempt: it lives.
            now: the time.
            closely: its journal is the first to tell of its end.
        """
        self.drop(attempt)
        row = attempt.row.id
        if not closely:
            self._calm[row] = attempt
            return
        begun = attempt.started is not None
        self._begun += begun
        watched = self._watched[row] = _Watched(attempt, now, 0.0, begun)
        self._plan(watched, now)

    def drop(self, attempt: Attempt) -> None:
        """Look after an attempt no longer."""
        row = attempt.row.id
        self._calm.pop(row, None)
        watched = self._watched.pop(row, None)
        if watched is not None:
            self._begun -= watched.begun

    def begun(self, attempt: Attempt, now: float) -> None:
        """Hear that an attempt has begun: its end may be near."""
        watched = self._watched.get(attempt.row.id)
        if watched is not None and not watched.begun:
            watched.begun = True
            watched.since = now
            self._begun += 1
            self._plan(watched, now)

    def due(self, now: float) -> list[Attempt]:
        """Return the attempts whose journals are to be read now; the next look at each is planned."""
        due: list[Attempt] = []
        if now >= self._calm_at:
            self._calm_at = now + _CALM_S
            due += self._calm.values()
        if now < self._not_before:
            return due
        looks = 0
        while self._heap and self._heap[0][0] <= now and looks < _MOST_AT_ONCE:
            at, row = heapq.heappop(self._heap)
            watched = self._watched.get(row)
            if watched is not None and watched.at == at:
                due.append(watched.attempt)
                looks += 1
                self._plan(watched, now)
        if looks:
            self._not_before = now + _STEP_S
        return due

    def next_at(self) -> float:
        """Return when something is due; infinite if nothing ever is."""
        calm = self._calm_at if self._calm else math.inf
        return min(calm, max(self._heap[0][0], self._not_before)) if self._heap else calm

    def _plan(self, watched: _Watched, now: float) -> None:
        """Set the next look, on a grid, so that many attempts share one waking."""
        if watched.begun:
            slowest, fair = _SLOWEST_BEGUN_S, self._begun / _BEGUN_PER_S
        else:
            slowest, fair = _SLOWEST_QUEUED_S, (len(self._watched) - self._begun) / _QUEUED_PER_S
        grown = min(slowest, max(_FIRST_S, _SHARE_OF_AGE * (now - watched.since)))
        watched.at = (math.floor((now + max(grown, fair)) / _STEP_S) + 1) * _STEP_S
        heapq.heappush(self._heap, (watched.at, watched.attempt.row.id))
