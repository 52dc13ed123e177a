"""A stable of processes: commands of ours as children of one process that has imported everything.

A suite that kills a command at hundreds of places cannot wait for Python to start each time.
``Stable`` starts this file as a program; that forks a child for each command, lets it read the
fail point anew, and answers with how it ended.  A child is a process like any other: it has a pid
of its own, and SIGKILL is final.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_DEADLINE_S = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended.

    Attributes:
        code: its exit status; minus the signal that ended it.
        said: what it printed.
    """

    code: int
    said: str


class Stable:
    """Runs commands one after the other; a context manager."""

    def __init__(self, directory: Path) -> None:
        self._out = directory / "stable.out"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        process = self._running()
        process.kill()
        process.communicate()

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the stable is not open"
        return self._process

    def run(
        self, words: Sequence[str], environ: Mapping[str, str], *, kill_after_s: float | None = None
    ) -> Ended:
        """Run ``megatest WORDS`` and wait for its end.

        Args:
            words: the command.
            environ: all of its environment.
            kill_after_s: when it gets SIGKILL, if it has not ended before.
        """
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        order = {"words": list(words), "environ": dict(environ), "out": str(self._out), "kill": kill_after_s}
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], _DEADLINE_S + (kill_after_s or 0))
        assert ready, f"megatest {' '.join(words)} does not come to an end: {self._out.read_text('utf-8')}"
        return Ended(code=json.loads(process.stdout.readline()), said=self._out.read_text("utf-8"))


def _serve() -> None:
    """Read orders, fork, answer; until the other side goes."""
    _import_everything()
    while line := sys.stdin.buffer.readline():
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(order)
        if order["kill"] is not None:
            _kill_after(pid, order["kill"])
        _, status = os.waitpid(pid, 0)
        sys.stdout.buffer.write(b"%d\n" % os.waitstatus_to_exitcode(status))
        sys.stdout.buffer.flush()


def _kill_after(pid: int, seconds: float) -> None:
    child = os.pidfd_open(pid)
    select.select([child], [], [], seconds)
    signal.pidfd_send_signal(child, signal.SIGKILL)
    os.close(child)


def _import_everything() -> None:
    import megatest

    for module in pkgutil.walk_packages(megatest.__path__, "megatest."):
        importlib.import_module(module.name)


def _become(order: dict[str, object]) -> None:
    from megatest import failpoint
    from megatest.cli import main

    out = os.open(str(order["out"]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    null = os.open(os.devnull, os.O_RDONLY)
    for here, there in ((null, 0), (out, 1), (out, 2)):
        os.dup2(here, there)
    os.close(out)
    os.environ.clear()
    environ = order["environ"]
    assert isinstance(environ, dict)
    os.environ.update(environ)
    importlib.reload(failpoint)  # in place: whoever imported `reach` reads the fail point anew
    words = order["words"]
    assert isinstance(words, list)
    code = main.run(words)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _serve()
