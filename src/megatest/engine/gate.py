"""Whether the machine allows another launch: room on disk, its load, the delay between launches."""

from __future__ import annotations

import os
from collections.abc import Callable

from megatest.engine.ports import Clock, WorkArea

_CHECK_S = 2.0
_SAY_AFTER_S = 10.0


class Gate:
    """Asked before each launch; while it is closed, asked again every few seconds.

    A full disk is told at once, a high load only when it lasts: it comes and goes with the tests.

    Args:
        workarea: knows the disks.
        clock: its monotonic time.
        delay_s: least time between launches.
        max_load: one-minute load above which nothing is launched; None for no limit.
        say: receives sentences for the user.
        load: returns the one-minute load.
    """

    def __init__(
        self,
        *,
        workarea: WorkArea,
        clock: Clock,
        delay_s: float,
        max_load: float | None,
        say: Callable[[str], None],
        load: Callable[[], float] = lambda: os.getloadavg()[0],
    ) -> None:
        self._workarea = workarea
        self._clock = clock
        self._delay_s = delay_s
        self._max_load = max_load
        self._say = say
        self._load = load
        self._closed_since: float | None = None
        self._told = False
        self._refused = False
        self.opens_at = 0.0

    def is_open(self, running: int) -> bool:
        """Return whether a test may be launched now.

        Args:
            running: how many of ours run; with none, a high load is not of our making and waiting
                for its end could last for ever.
        """
        now = self._clock.monotonic()
        if now < self.opens_at:
            return False
        space = self._workarea.low_space()
        why = space or (self._high_load() if running else "")
        if not why:
            if not self._refused:
                self._open()
            return True
        self.opens_at = now + _CHECK_S
        self._closed_since = now if self._closed_since is None else self._closed_since
        if not self._told and (space or now - self._closed_since >= _SAY_AFTER_S):
            self._told = True
            self._say(f"nothing is launched: {why}")
        return False

    @property
    def is_closed(self) -> bool:
        """Whether the last question was answered with no, for want of room or for load."""
        return self._closed_since is not None

    def refuse(self, why: str) -> None:
        """Close because a run directory found no room, whatever the disk had said; ask again later."""
        now = self._clock.monotonic()
        self._refused = True
        self.opens_at = now + _CHECK_S
        self._closed_since = now if self._closed_since is None else self._closed_since
        if not self._told:
            self._told = True
            self._say(f"nothing is launched: {why}")

    def launched(self) -> None:
        """Begin the delay between two launches."""
        if self._refused:
            self._refused = False
            self._open()
        if self._delay_s:
            self.opens_at = self._clock.monotonic() + self._delay_s

    def _open(self) -> None:
        if self._told:
            self._say("launching again")
        self._told = False
        self._closed_since = None

    def _high_load(self) -> str:
        if self._max_load is None:
            return ""
        load = self._load()
        if load <= self._max_load:
            return ""
        return f"the load of this machine is {load:.1f}, the limit {self._max_load:g}"
