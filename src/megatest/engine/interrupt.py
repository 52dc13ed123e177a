"""Ctrl-C and friends, as a level and a descriptor that the loop waits on.

The handlers only count; the loop acts.  ``signal.set_wakeup_fd`` makes the one blocking call
return without a race between the check and the wait.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from enum import IntEnum
from types import FrameType
from typing import Any, Self


class Level(IntEnum):
    """How urgently the user wants an end."""

    NONE = 0
    DRAIN = 1  # start nothing more, wait for what runs
    KILL = 2  # end what runs, with the grace
    NOW = 3  # end it without grace
    LEAVE = 4  # go away and leave the tests running


class Interrupts:
    """Counts SIGINT, notes SIGTERM and SIGHUP; a context manager that restores the handlers.

    What the caller ignores stays ignored: ``nohup megatest run`` outlives its terminal, and Ctrl-C does
    not reach what a script runs in the background.
    """

    def __init__(self) -> None:
        self.level = Level.NONE
        self._woken = False
        self._read_fd = -1
        self._write_fd = -1
        self._previous: dict[signal.Signals, Any] = {}
        self._previous_fd = -1

    @property
    def fd(self) -> int:
        """Readable once a signal has come."""
        return self._read_fd

    def __enter__(self) -> Self:
        self._read_fd, self._write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._previous_fd = signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
        for number, handler in (
            (signal.SIGINT, self._on_interrupt),
            (signal.SIGTERM, self._on_terminate),
            (signal.SIGHUP, self._on_terminate),
        ):
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._previous[number] = signal.signal(number, handler)
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._previous_fd)
        os.close(self._read_fd)
        os.close(self._write_fd)

    def drain_wakeups(self) -> None:
        """Empty the pipe if a signal has come, so that the next wait blocks again."""
        if not self._woken:
            return
        self._woken = False
        with suppress(BlockingIOError):
            while os.read(self._read_fd, 512):
                pass

    def _on_interrupt(self, _number: int, _frame: FrameType | None) -> None:
        self._woken = True
        if self.level < Level.LEAVE:  # the last: what a dead batch system has cannot be ended
            self.level = Level(self.level + 1)

    def _on_terminate(self, _number: int, _frame: FrameType | None) -> None:
        self._woken = True
        self.level = Level.LEAVE
