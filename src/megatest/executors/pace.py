"""How often a batch system may be asked: fast while things change, ever slower while not."""

from __future__ import annotations

_SLOWER = 1.6
_FIRST_RETRY_S = 1.0
_LAST_RETRY_S = 60.0
_TIMES_ITS_COST = 4.0


class Pace:
    """Decides when the next query is due.

    After a change the next query comes `fastest_s` later; each answer without one makes the
    interval 1.6 times longer, up to `slowest_s`.  A budget keeps a busy run polite: `burst`
    queries at once, one a second in the long run.  Queries that take long, for a hundred thousand
    jobs, get a fifth of the time at most.  Failures back off from 1 s to a minute.

    All times are monotonic seconds given by the caller.
    """

    def __init__(
        self, *, fastest_s: float = 0.1, slowest_s: float = 10.0, burst: float = 10, per_s: float = 1
    ) -> None:
        self._fastest_s = fastest_s
        self._slowest_s = slowest_s
        self._burst = burst
        self._per_s = per_s
        self._interval_s = fastest_s
        self._tokens = float(burst)
        self._counted_at = 0.0
        self._due_at = 0.0
        self.failures = 0

    def due_at(self) -> float:
        """Return when the next query may be made."""
        missing = 1 - self._tokens
        return max(self._due_at, self._counted_at + missing / self._per_s if missing > 0 else 0.0)

    def asked(self, now: float) -> None:
        """Count a query that is being made."""
        grown = (now - self._counted_at) * self._per_s
        self._tokens = min(self._burst, self._tokens + max(0.0, grown)) - 1
        self._counted_at = now

    def answered(self, now: float, *, changed: bool) -> None:
        """Set the next query after an answer."""
        self.failures = 0
        slower_s = min(self._interval_s * _SLOWER, self._slowest_s)
        self._interval_s = self._fastest_s if changed else slower_s
        rest_s = min(_TIMES_ITS_COST * (now - self._counted_at), _LAST_RETRY_S)
        self._due_at = now + max(rest_s, self._interval_s)

    def failed(self, now: float) -> float:
        """Set the next query after a failure.

        Returns:
            The seconds until then.
        """
        self.failures += 1
        wait_s = min(_FIRST_RETRY_S * 2.0 ** min(self.failures - 1, 10), _LAST_RETRY_S)
        self._due_at = now + wait_s
        return wait_s

    def hurry(self, now: float) -> None:
        """Something was submitted or cancelled: expect changes."""
        if not self.failures:
            self._interval_s = self._fastest_s
            self._due_at = min(self._due_at, now + self._fastest_s)
