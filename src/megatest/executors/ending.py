"""Ending jobs on ssh hosts: TERM, the grace, KILL until nothing is left."""

from __future__ import annotations

from collections.abc import Sequence

from megatest.executors.remote import KILL_STEP_S, Remote
from megatest.model.job import JobChange

_LONGEST_STEP_S = 2.0


class Endings:
    """The jobs whose end was asked for."""

    def __init__(self) -> None:
        self._ending: dict[int, Remote] = {}

    def begin(self, remote: Remote, at: float) -> None:
        """Begin to end a job; from `at` (monotonic) on by force.  The sooner time counts."""
        remote.kill_at = at if remote.kill_at is None else min(remote.kill_at, at)
        remote.signal_at = 0
        self._ending[remote.number] = remote

    def hold(self, remote: Remote, end: JobChange) -> bool:
        """Hold the end of a job back that is being ended, until nothing of it is left.

        Returns:
            Whether it is held; False if it may be told.
        """
        if (
            remote.kill_at is not None
            and remote.host is not None
            and remote.host.is_up
            and remote.end is None
        ):
            remote.end = end
            remote.signal_at = 0
            remote.step_s = KILL_STEP_S
            return True
        self._ending.pop(remote.number, None)
        return False

    def go_on(self, now: float) -> None:
        """Send TERM once, KILL from the end of the grace on; ask what is left after the end."""
        for remote in self._reachable():
            if now < remote.signal_at or remote.host is None:
                continue
            assert remote.kill_at is not None
            number = "KILL" if now >= remote.kill_at else "0" if remote.termed else "TERM"
            remote.host.session.send("reach", remote.number, remote.job.name, remote.pid, number)
            remote.termed = True
            remote.signal_at = now + remote.step_s
            remote.step_s = min(remote.step_s * 1.5, _LONGEST_STEP_S)
            if remote.end is None and now < remote.kill_at:
                remote.signal_at = remote.kill_at

    def due(self) -> list[float]:
        """Return when `go_on` has something to do (monotonic)."""
        return [remote.signal_at for remote in self._reachable()]

    def _reachable(self) -> Sequence[Remote]:
        """On a host that is away a signal waits for the session."""
        return [r for r in self._ending.values() if r.host is not None and r.host.greeted]
