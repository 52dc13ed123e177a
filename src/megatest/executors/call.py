"""Commands of a batch system as child processes whose pipes are polled: never waited for.

A client of a batch system may hang for minutes when its daemon is away, so every command has
a time limit, and nothing but `Calls.wait` ever blocks.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from megatest.executors.pipe import make_pipes
from megatest.model.slotted import dataclass

_CHUNK = 1 << 16
_DYING_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command line, as words: no shell ever sees it."""

    argv: tuple[str, ...]

    @property
    def program(self) -> str:
        """The first word, for messages."""
        return self.argv[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What became of a command.

    Attributes:
        code: its exit status; negative for a signal; None if there is none (see `trouble`).
        out, err: what it printed.
        trouble: why there is no exit status: not installed, no answer in time.
        not_installed: there is no such program; it will be so the next time, too.
    """

    code: int | None
    out: str = ""
    err: str = ""
    trouble: str = ""
    not_installed: bool = False

    @property
    def ok(self) -> bool:
        """Whether it ran and was content."""
        return self.code == 0

    def complaint(self, program: str) -> str:
        """Return one line for the user: why this is not the answer that was hoped for.

        Programs begin each of their lines with their name, and often with the word error.
        """
        lines = (
            line.strip().removeprefix(f"{program}: ").removeprefix("error: ")
            for line in self.err.splitlines()
        )
        said = "; ".join(dict.fromkeys(filter(None, lines)))
        return self.trouble or f"{program}: {said or f'exit status {self.code}'}"


class Running(Protocol):
    """A command under way."""

    def fds(self) -> Sequence[int]:
        """Return descriptors that become readable when `reply` may have something."""
        ...

    def deadline(self) -> float:
        """Return the monotonic time at which it is given up."""
        ...

    def reply(self) -> Reply | None:
        """Return its reply if it is there; never blocks."""
        ...

    def abandon(self) -> None:
        """End it; nobody wants the reply any more."""
        ...


Start = Callable[[Command, float], Running]
"""Starts a command under a time limit in seconds."""


class Child:
    """A command that runs as a child process.

    Not `subprocess.Popen`: that one reads a child that somebody else has collected as exit
    status 0, which here would turn a failed query into an empty queue.
    """

    def __init__(self, command: Command, timeout_s: float, environment: Mapping[str, str]) -> None:
        self._command = command
        self._timeout_s = timeout_s
        self._deadline = time.monotonic() + timeout_s
        self._pidfd = -1
        (self._out, out), (self._err, err) = make_pipes(2)
        for reading in (self._out, self._err):
            os.set_blocking(reading, False)
        self._said: dict[int, list[bytes]] = {self._out: [], self._err: []}
        self._open = [self._out, self._err]
        self._failure = ""
        self._not_installed = False
        self._killed = False
        self._pid = self._spawn(out, err, environment)
        os.close(out)
        os.close(err)

    def _spawn(self, out: int, err: int, environment: Mapping[str, str]) -> int:
        path = shutil.which(self._command.program, path=environment.get("PATH"))
        if path is None:
            self._failure = f"{self._command.program} is not on the PATH"
            self._not_installed = True
            return 0
        actions = (
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, out, 1),
            (os.POSIX_SPAWN_DUP2, err, 2),
        )
        defaults = (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)
        try:
            pid = os.posix_spawn(
                path, self._command.argv, environment, file_actions=actions, setsid=True, setsigdef=defaults
            )
        except OSError as error:
            self._failure = f"cannot start {path}: {error.strerror}"
            return 0
        with suppress(OSError):
            self._pidfd = os.pidfd_open(pid)
        return pid

    def fds(self) -> Sequence[int]:
        """Return its pidfd and the pipes that are still open."""
        return tuple(fd for fd in (self._pidfd, *self._open) if fd >= 0)

    def deadline(self) -> float:
        """Return the monotonic time at which it is given up."""
        return self._deadline

    def reply(self) -> Reply | None:
        """Return its reply if it has ended or its time is up."""
        if self._failure:
            return self._finish(None, self._failure)
        # Before and after: a full pipe would keep it from ending.
        self._read()
        try:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
        except ChildProcessError:
            return self._finish(None, f"the exit status of {self._command.program} was lost")
        if pid:
            self._read()
            if self._killed:
                return self._finish(None, self._no_answer())
            return self._finish(os.waitstatus_to_exitcode(status), "")
        return self._overdue() if time.monotonic() >= self._deadline else None

    def _overdue(self) -> Reply | None:
        """Kill it; a moment later give it up, even if the kernel does not let it die."""
        if not self._killed:
            self._kill()
            self._deadline += _DYING_S
            return None
        return self._finish(None, self._no_answer())

    def _no_answer(self) -> str:
        return f"{self._command.program} gave no answer in {self._timeout_s:g} s"

    def abandon(self) -> None:
        """Kill it and let go of its descriptors."""
        if not self._failure:
            self._kill()
            with suppress(ChildProcessError):
                os.waitpid(self._pid, os.WNOHANG)
        self._finish(None, "")

    def _read(self) -> None:
        for fd in tuple(self._open):
            with suppress(BlockingIOError):
                while chunk := os.read(fd, _CHUNK):
                    self._said[fd].append(chunk)
                # At its end a pipe is readable for ever: it must not wake anybody again.
                self._open.remove(fd)

    def _kill(self) -> None:
        self._killed = True
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)

    def _finish(self, code: int | None, trouble: str) -> Reply:
        for fd in (self._out, self._err, self._pidfd):
            if fd >= 0:
                os.close(fd)
        texts = [b"".join(chunks).decode("utf-8", "replace") for chunks in self._said.values()]
        self._pidfd = -1
        self._open.clear()
        return Reply(
            code=code, out=texts[0], err=texts[1], trouble=trouble, not_installed=self._not_installed
        )


def child_starter(environment: Mapping[str, str]) -> Start:
    """Return what starts commands as child processes with this environment."""

    def start(command: Command, timeout_s: float) -> Running:
        try:
            return Child(command, timeout_s, environment)
        except OSError as error:
            # No descriptors left, no process: this passes, and must not end the engine.
            return _Failed(f"cannot start {command.program}: {error.strerror}")

    return start


@dataclass(frozen=True, slots=True)
class _Failed:
    """A command that could not even be tried."""

    trouble: str

    def fds(self) -> Sequence[int]:
        """Return nothing to wait on."""
        return ()

    def deadline(self) -> float:
        """Return now."""
        return 0.0

    def reply(self) -> Reply | None:
        """Return the failure."""
        return Reply(code=None, trouble=self.trouble)

    def abandon(self) -> None:
        """Do nothing: there is nothing to end."""


class Calls:
    """The commands under way, each with what is to be done with its reply."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._running: list[tuple[Running, Callable[[Reply], None]]] = []

    def begin(self, command: Command, timeout_s: float, then: Callable[[Reply], None]) -> None:
        """Start a command; `then` gets the reply from within a later `collect`."""
        self._running.append((self._start(command, timeout_s), then))

    def collect(self) -> None:
        """Pass on the replies that have come."""
        waiting = []
        done = []
        for running, then in self._running:
            reply = running.reply()
            if reply is None:
                waiting.append((running, then))
            else:
                done.append((reply, then))
        # The callbacks may begin further calls.
        self._running = waiting
        for reply, then in done:
            then(reply)

    def wait(self, command: Command, timeout_s: float) -> Reply:
        """Run a command to its end; blocks for at most `timeout_s`."""
        running = self._start(command, timeout_s)
        while (reply := running.reply()) is None:
            left_s = max(0.0, running.deadline() - time.monotonic())
            _wait_readable(running.fds(), left_s)
        return reply

    def fds(self) -> list[int]:
        """Return what to wait on."""
        return [fd for running, _ in self._running for fd in running.fds()]

    def next_deadline(self) -> float | None:
        """Return when the first of them is given up (monotonic), if any is under way."""
        return min((running.deadline() for running, _ in self._running), default=None)

    def close(self) -> None:
        """End them all."""
        for running, _ in self._running:
            running.abandon()
        self._running = []


def _wait_readable(fds: Sequence[int], timeout_s: float) -> None:
    poll = select.poll()  # select() knows no descriptor above 1023
    for fd in fds:
        poll.register(fd, select.POLLIN)
    poll.poll(timeout_s * 1000)
