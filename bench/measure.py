"""Run a command and know what it cost: wall time, processor time of its whole tree, memory.

Compared runners take turns, round by round, so that a disturbance of the machine falls on all
of them, and ratios are taken within a round before their median is.
"""

from __future__ import annotations

import ctypes
import os
import resource
import select
import signal
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_PR_SET_CHILD_SUBREAPER: Final = 36
_LONGEST_RUN_S: Final = 900
_ORPHAN_GRACE_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to start.

    Attributes:
        argv: program and arguments.
        directory: where it starts.
        environment: what differs from ours; None takes a variable away.
        stdin: file for its standard input; None for nothing.
        exit_codes: what it returns when all is well.
    """

    argv: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str | None] = field(default_factory=dict)
    stdin: Path | None = None
    exit_codes: tuple[int, ...] = (0,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one run cost.

    Attributes:
        wall_s: seconds from start to end.
        cpu_s: user and system seconds of every process of its tree.
        peak_kib: largest resident size of any of its processes.  The kernel counts what the
            process held before its exec, so it is never below our own size.
        problem: why the figure is void; empty when it counts.
    """

    wall_s: float
    cpu_s: float
    peak_kib: int
    problem: str = ""


def collect_orphans() -> None:
    """Become the parent of every orphan below us, so that its processor time is counted too.

    Raises:
        OSError: the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "cannot become a subreaper")


def run_measured(command: Command, log: Path) -> Sample:
    """Run a command to its end, its output into `log`, and return its cost.

    The caller has called `collect_orphans` and has no other children.
    """
    with open(log, "wb") as output, open(command.stdin or os.devnull, "rb") as source:
        start = time.monotonic()
        process = subprocess.Popen(
            command.argv,
            cwd=command.directory,
            env=_environment(command.environment),
            stdin=source,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        in_time = _wait(process)
        end = time.monotonic()
    tree = _reap(process)
    return Sample(
        wall_s=end - start,
        cpu_s=tree.cpu_s,
        peak_kib=tree.peak_kib,
        problem=_problem(command, tree, in_time, log),
    )


def _wait(process: subprocess.Popen[bytes]) -> bool:
    """Wait for the end of a process without collecting it; end it when it takes for ever."""
    descriptor = os.pidfd_open(process.pid)
    try:
        ended = select.poll()
        ended.register(descriptor, select.POLLIN)
        if ended.poll(_LONGEST_RUN_S * 1000):
            return True
        os.killpg(process.pid, signal.SIGKILL)
        return False
    finally:
        os.close(descriptor)


@dataclass(slots=True, kw_only=True)
class _Tree:
    """What collecting a process and its orphans told."""

    code: int = 0
    cpu_s: float = 0.0
    peak_kib: int = 0
    left_behind: bool = False

    def add(self, usage: resource.struct_rusage) -> None:
        self.cpu_s += usage.ru_utime + usage.ru_stime
        self.peak_kib = max(self.peak_kib, usage.ru_maxrss)


def _reap(process: subprocess.Popen[bytes]) -> _Tree:
    """Collect a process that has ended, then the orphans of its tree; end those that stay."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    tree = _Tree(code=process.returncode)
    tree.add(usage)
    deadline = time.monotonic() + _ORPHAN_GRACE_S
    with suppress(ChildProcessError):
        while True:
            pid, _, usage = os.wait4(-1, os.WNOHANG)
            if pid:
                tree.add(usage)
            elif time.monotonic() < deadline:
                time.sleep(0.01)
            else:
                tree.left_behind = True
                _end_orphans()
    return tree


def _end_orphans() -> None:
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(entry.read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid():
                os.kill(int(entry.parent.name), signal.SIGKILL)


def _problem(command: Command, tree: _Tree, in_time: bool, log: Path) -> str:
    if not in_time:
        return f"did not end in {_LONGEST_RUN_S} s"
    if tree.code not in command.exit_codes:
        return f"exit status {tree.code}: {_reason(log)}"
    return "left processes behind" if tree.left_behind else ""


def _environment(changes: Mapping[str, str | None]) -> dict[str, str]:
    """Return our environment with the changes; compiled Python code is written and used."""
    merged = {**os.environ, "PYTHONDONTWRITEBYTECODE": None, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def _reason(log: Path) -> str:
    """Return the line of an output that most likely says what went wrong."""
    lines = log.read_text(errors="replace").strip().splitlines()
    last = lines[-1] if lines else "(no output)"
    return next((line for line in lines if line.startswith("error:")), last)[:120]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """The median of several runs of the same work by the same runner.

    Attributes:
        tests: how many tests a run had.
        wall_s, cpu_s: medians of a whole run.
        peak_kib: the largest of all.
        samples: the runs, by round.
        problem: why the figure is void; empty when it counts.
    """

    tests: int
    wall_s: float
    cpu_s: float
    peak_kib: int
    samples: tuple[Sample, ...]
    problem: str = ""

    @property
    def wall_ms_per_test(self) -> float:
        """Wall milliseconds per test, start-up included."""
        return self.wall_s * 1000 / self.tests

    @property
    def cpu_ms_per_test(self) -> float:
        """Processor milliseconds per test, start-up included."""
        return self.cpu_s * 1000 / self.tests


def figure(samples: Sequence[Sample], tests: int) -> Figure:
    """Return the figure of one or more runs; void if any of them is."""
    return Figure(
        tests=tests,
        wall_s=statistics.median(sample.wall_s for sample in samples),
        cpu_s=statistics.median(sample.cpu_s for sample in samples),
        peak_kib=max(sample.peak_kib for sample in samples),
        samples=tuple(samples),
        problem=next((sample.problem for sample in samples if sample.problem), ""),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """How many times as much one runner takes per test as another."""

    wall: float
    cpu: float


def ratio(ours: Figure, theirs: Figure) -> Ratio | None:
    """Return the median over the rounds of our cost per test over theirs; None if either is void."""
    if ours.problem or theirs.problem:
        return None
    scale = theirs.tests / ours.tests
    pairs = list(zip(ours.samples, theirs.samples, strict=False))
    return Ratio(
        wall=scale * statistics.median(mine.wall_s / other.wall_s for mine, other in pairs),
        cpu=scale * statistics.median(mine.cpu_s / other.cpu_s for mine, other in pairs),
    )
