"""Shell commands that run beside the engine: a bounded number at once, none waited for in its way.

Triggers, hooks and the comparisons of waivers are such errands.  Each is a session of its own, its
output goes to a file, its end wakes the engine by a pidfd.
"""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from megatest.executors.backlog import NOT_NOW
from megatest.executors.process import MARK, reserved_descriptor
from megatest.model.slotted import dataclass

if TYPE_CHECKING:
    import subprocess

TIME_IS_OVER: Final = 124
"""What an errand that was ended for its time counts as, as with ``timeout``."""
CANNOT_START: Final = 126

_LOOK_S: Final = 0.02
_NO_JOB: Final = "errand"
"""What errands carry in place of a job's name: else one that works in a run directory would be taken for
what the test there has left behind."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Errand:
    """One command.

    Attributes:
        command: for ``/bin/sh -c``.
        directory: where it runs.
        environment: all of it.
        log: absolute path of the file that gets its output, anew.
        limit_s: how long it may take; None for as long as it likes.
        done: called with its exit status once it has ended.
    """

    command: str
    directory: str
    environment: Mapping[str, str]
    log: str
    limit_s: float | None = None
    done: Callable[[int], None] | None = None


@dataclass(slots=True, kw_only=True)
class _Running:
    errand: Errand
    process: subprocess.Popen[bytes]
    pidfd: int
    end_at: float | None


class Errands:
    """Starts errands in the order in which they come.

    Args:
        at_once: how many run at the same time; the others wait.
        monotonic: the clock.
    """

    def __init__(self, *, at_once: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._at_once = at_once
        self._monotonic = monotonic
        self._waiting: deque[Errand] = deque()
        self._running: list[_Running] = []

    def run(self, errand: Errand) -> None:
        """Take an errand; it starts now or as soon as there is room."""
        self._waiting.append(errand)
        self._start_some()

    def fds(self) -> Sequence[int]:
        """Return file descriptors that become readable when an errand has ended."""
        return [running.pidfd for running in self._running]

    def poll(self) -> None:
        """Hear of ends, end what takes too long, start what waits."""
        if not self._running and not self._waiting:
            return
        now = self._monotonic()
        still = []
        for running in self._running:
            code = running.process.poll()
            if code is None and running.end_at is not None and now >= running.end_at:
                code = _ended(running.process)
            if code is None:
                still.append(running)
                continue
            os.close(running.pidfd)
            if running.errand.done is not None:
                running.errand.done(code)
        self._running = still
        self._start_some()

    def wait(self, timeout_s: float) -> int:
        """Wait until every errand has at least begun, and those with a time limit have ended.

        Returns:
            How many have not begun when the time is over; they are forgotten.
        """
        until = self._monotonic() + timeout_s
        self.poll()
        while self._is_waited_for() and self._monotonic() < until:
            time.sleep(_LOOK_S)  # at the end of a run nothing else happens that could wake us
            self.poll()
        left = len(self._waiting)
        self._waiting.clear()
        return left

    def close(self) -> None:
        """Let go of what still runs; it goes on."""
        for running in self._running:
            os.close(running.pidfd)
            running.process.returncode = 0  # nobody will ask for it any more
        self._running.clear()

    def _is_waited_for(self) -> bool:
        return bool(self._waiting) or any(running.end_at is not None for running in self._running)

    def _start_some(self) -> None:
        while self._waiting and len(self._running) < self._at_once:
            errand = self._waiting.popleft()
            try:
                self._start(errand)
            except (OSError, ValueError) as error:
                if getattr(error, "errno", None) in NOT_NOW:
                    self._waiting.appendleft(errand)
                    return
                if errand.done is not None:  # no such directory, no such file, a NUL in the command
                    errand.done(CANNOT_START)

    def _start(self, errand: Errand) -> None:
        end_at = None if errand.limit_s is None else self._monotonic() + errand.limit_s
        process, pidfd = _started(errand)
        self._running.append(_Running(errand=errand, process=process, pidfd=pidfd, end_at=end_at))


def _started(errand: Errand) -> tuple[subprocess.Popen[bytes], int]:
    """Return the process of an errand that begins now, and a pidfd of it."""
    import subprocess  # takes 5 ms, and most runs have no errand

    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    log = os.open(errand.log, flags, 0o666)
    try:
        with reserved_descriptor():
            process = subprocess.Popen(
                ["/bin/sh", "-c", errand.command],
                cwd=errand.directory,
                env={**errand.environment, MARK: _NO_JOB},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return process, os.pidfd_open(process.pid)
    finally:
        os.close(log)


def _ended(process: subprocess.Popen[bytes]) -> int:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return TIME_IS_OVER
