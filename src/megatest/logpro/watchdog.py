"""A limit on the time that one backtracking search may take."""

from __future__ import annotations

import signal
import threading
from megatest.typed import Any, Final
from types import FrameType, TracebackType

from megatest.logpro.matcher import PatternTooSlowError

SEARCH_LIMIT_S: Final = 2.0


class Watchdog:
    """Stops a search that runs too long, in CPU time of this process.

    A timer signal ticks while the dog watches; ``re`` looks for signals every few thousand steps.  A search
    that is the same at two ticks is stopped, so it may take up to twice the limit.  This costs a search no
    system call, which setting a timer for each of them would.  Signals reach the main thread only: in another
    thread there is no limit.
    """

    def __init__(self, limit_s: float = SEARCH_LIMIT_S) -> None:
        self._limit_s = limit_s
        self._index = -1
        self._searches = 0
        self._seen = 0
        self._previous: Any = None
        self._watches = False

    def __enter__(self) -> Watchdog:
        self._watches = threading.current_thread() is threading.main_thread()
        if self._watches:
            self._previous = signal.signal(signal.SIGVTALRM, self._tick)
            signal.setitimer(signal.ITIMER_VIRTUAL, self._limit_s, self._limit_s)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watches:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            # None means a handler that Python did not install, and cannot install again.
            signal.signal(signal.SIGVTALRM, signal.SIG_DFL if self._previous is None else self._previous)

    def begin(self, index: int) -> None:
        """Note that a search with this pattern begins."""
        self._searches += 1
        self._index = index

    def end(self) -> None:
        """Note that it has ended."""
        self._index = -1

    def _tick(self, number: int, frame: FrameType | None) -> None:
        if self._index >= 0 and self._seen == self._searches:
            index, self._index = self._index, -1
            raise PatternTooSlowError(index)
        self._seen = self._searches
