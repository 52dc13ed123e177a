"""The budget: figures that hardly vary from run to run, and by how much they may grow.

Instructions are counted by callgrind: the same code, the same Python and the same input give
the same number on any machine.  Processor time of a whole run varies with the machine, so its
budget is a multiple of what the bare loop takes for the same files and scripts, turn by turn.
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

from bench.compare import Places, compare, fresh_directory
from bench.generate import Work, independent
from bench.measure import Command, ratio, run_measured
from bench.peers import megatest
from bench.peers.peer import Peer, Tool
from bench.peers.registry import FLOOR, OURS
from bench.workloads import TMPFS, Workload

ALLOWED_GROWTH: Final = 1.2
_FILE: Final = Path(__file__).with_name("budget.json")
_ROOT: Final = Path(__file__).parents[1]
_COUNTED: Final = re.compile(r"Collected : (\d+)")
_RATIO: Final = "processor time of a run of 300 no-op tests over the bare loop's"
_PROGRAM: Final = "megatest.cli.start"
_COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "instructions of megatest --version": (_PROGRAM, "--version"),
    "instructions of megatest --help": (_PROGRAM, "--help"),
    "instructions of megatest list": (_PROGRAM, "list"),
    "instructions of megatest show": (_PROGRAM, "show", "t0"),
    "instructions of planning 2,000 tests": ("bench.probes.planning", "20", "100", "3"),
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


def spend(tools: Mapping[Peer, Tool], places: Places) -> Iterator[Spent]:
    """Count every figure of the budget."""
    budgets = _load()
    for name, value, problem in [*_instructions(tools[OURS], places.tmpfs), _cpu_ratio(tools, places)]:
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


def _instructions(tool: Tool, place: Path) -> Iterator[tuple[str, float | None, str]]:
    problem = _why_not_counted()
    with fresh_directory(place) as directory:
        work = Work(suite=independent(10), directory=directory, jobs=2)
        megatest.write_area(work)
        run = Command(argv=tuple(megatest.run_argv(work, tool)), directory=directory)
        problem = problem or run_measured(run, directory / "output").problem
        for name, arguments in _COMMANDS.items():
            if problem:
                yield name, None, problem
            else:
                yield name, *_count(arguments, work)


def _why_not_counted() -> str:
    """Return why instructions cannot be counted or compared here; empty if they can."""
    if shutil.which("valgrind") is None:
        return "valgrind is not installed"
    budgeted = json.loads(_FILE.read_text())["python"] if _FILE.exists() else _python()
    return "" if budgeted == _python() else f"the budget is for Python {budgeted}, this is {_python()}"


def _count(arguments: tuple[str, ...], work: Work) -> tuple[float | None, str]:
    output = work.directory / "counted"
    valgrind = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
    command = Command(
        argv=(*valgrind, sys.executable, "-m", *arguments),
        directory=megatest.area(work),
        # A random hash seed changes the number of collisions in every dictionary.
        environment={**megatest.clean_environment(), "PYTHONPATH": str(_ROOT), "PYTHONHASHSEED": "0"},
    )
    sample = run_measured(command, output)
    counted = _COUNTED.search(output.read_text(errors="replace"))
    if sample.problem or counted is None:
        return None, sample.problem or "callgrind said no number"
    return float(counted[1]), ""


def _cpu_ratio(tools: Mapping[Peer, Tool], places: Places) -> tuple[str, float | None, str]:
    workload = Workload(
        key="budget", title=_RATIO, suite=lambda: independent(300), tests=300, place=TMPFS, rounds=7
    )
    two = {peer: tools[peer] for peer in (OURS, FLOOR)}
    figures = compare(workload, two, places, lambda line: None).figures
    ours, floor = figures[OURS.name], figures[FLOOR.name]
    compared = ratio(ours, floor)
    return _RATIO, compared.cpu if compared else None, ours.problem or floor.problem
