"""The budget: figures that hardly vary from run to run, and by how much they may grow.

Instructions and system calls are counted by callgrind: the same code, the same Python and the same
input give the same number on any machine.  Processor time does not: over one and the same commit a run's
time as a multiple of the bare loop's was 1.5 in one hour and 1.8 in another.  So a run is counted with
its jobs played (`bench.probes.played`), and its time is told beside its peers', where it has no limit.
"""

from __future__ import annotations

import json
import platform
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.compare import fresh_directory
from bench.generate import Work, independent
from bench.measure import Command, run_measured
from bench.peers import megatest
from bench.peers.peer import Tool

ALLOWED_GROWTH: Final = 1.2
_FILE: Final = Path(__file__).with_name("budget.json")
_ROOT: Final = Path(__file__).parents[1]
_COUNTED: Final = re.compile(r"Collected : (\d+) (\d+)")
_PROGRAM: Final = "megatest.cli.start"
_PLAYED: Final = "bench.probes.played"
_RUN_TESTS: Final = 300
_COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "megatest --version": (_PROGRAM, "--version"),
    "megatest --help": (_PROGRAM, "--help"),
    "megatest list": (_PROGRAM, "list"),
    "megatest show": (_PROGRAM, "show", "t0"),
    "planning 2,000 tests": ("bench.probes.planning", "20", "100", "3"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """One figure beside its budget.

    Attributes:
        name: what was counted.
        value: None when it could not be counted here; `problem` says why.
        budget: None when there is none yet.
    """

    name: str
    value: float | None
    budget: float | None
    problem: str = ""

    @property
    def is_over(self) -> bool:
        """Whether the figure has grown by more than is allowed."""
        return bool(self.value and self.budget and self.value > self.budget * ALLOWED_GROWTH)

    def __str__(self) -> str:
        if self.value is None:
            return f"not counted: {self.name}: {self.problem}"
        share = f"{self.value / self.budget:.0%} of its budget" if self.budget else "no budget yet"
        value = f"{self.value:,.0f}" if self.value > 1000 else f"{self.value:.2f}"
        return f"{'OVER' if self.is_over else 'within'}: {self.name}: {value}, {share}"


def spend(tool: Tool, place: Path) -> Iterator[Spent]:
    """Count every figure of the budget.

    Args:
        tool: megatest.
        place: where to work.
    """
    budgets = _load()
    for name, value, problem in _counts(tool, place):
        yield Spent(name=name, value=value, budget=budgets.get(name), problem=problem)


def renew(spent: list[Spent]) -> None:
    """Make the figures of today the budget; those that could not be counted keep theirs."""
    kept = _load()
    figures = {one.name: kept.get(one.name) if one.value is None else round(one.value, 3) for one in spent}
    text = json.dumps({"python": _python(), "figures": figures}, indent=2)
    _FILE.write_text(text + "\n")


def _load() -> dict[str, float]:
    figures: dict[str, float] = json.loads(_FILE.read_text())["figures"] if _FILE.exists() else {}
    return figures


def _python() -> str:
    return ".".join(platform.python_version_tuple()[:2])


def _counts(tool: Tool, place: Path) -> Iterator[tuple[str, float | None, str]]:
    unable = _why_not_counted()
    with fresh_directory(place) as directory:
        work = Work(suite=independent(10), directory=directory, jobs=2)
        megatest.write_area(work)
        run = Command(argv=tuple(megatest.run_argv(work, tool)), directory=directory)
        unable = unable or run_measured(run, directory / "output").problem
        for what, arguments in _COMMANDS.items():
            count = _Count(problem=unable) if unable else _count(arguments, work)
            yield f"instructions of {what}", count.instructions, count.problem
    with fresh_directory(place) as directory:
        work = Work(suite=independent(_RUN_TESTS), directory=directory, jobs=2)
        megatest.write_area(work)
        _, *said = megatest.run_argv(work, tool)
        count = _Count(problem=unable) if unable else _count((_PLAYED, *said), work)
        problem = count.problem or megatest.PEER.check(work)
        what = f"of a run of {_RUN_TESTS} tests"
        yield f"instructions {what}", None if problem else count.instructions, problem
        yield f"system calls {what}", None if problem else count.system_calls, problem


def _why_not_counted() -> str:
    """Return why instructions cannot be counted or compared here; empty if they can."""
    if shutil.which("valgrind") is None:
        return "valgrind is not installed"
    budgeted = json.loads(_FILE.read_text())["python"] if _FILE.exists() else _python()
    return "" if budgeted == _python() else f"the budget is for Python {budgeted}, this is {_python()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Count:
    """What callgrind counted of one process; `problem` says why it did not."""

    instructions: float | None = None
    system_calls: float | None = None
    problem: str = ""


def _count(arguments: tuple[str, ...], work: Work) -> _Count:
    output = work.directory / "counted"
    valgrind = ("valgrind", "--tool=callgrind", "--collect-systime=yes", "--callgrind-out-file=/dev/null")
    command = Command(
        argv=(*valgrind, sys.executable, "-m", *arguments),
        directory=megatest.area(work),
        # A random hash seed changes the number of collisions in every dictionary.
        environment={**megatest.clean_environment(), "PYTHONPATH": str(_ROOT), "PYTHONHASHSEED": "0"},
    )
    sample = run_measured(command, output)
    counted = _COUNTED.search(output.read_text(errors="replace"))
    if sample.problem or counted is None:
        return _Count(problem=sample.problem or "callgrind said no number")
    return _Count(instructions=float(counted[1]), system_calls=float(counted[2]))
