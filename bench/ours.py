"""The workloads that are ours alone: W6 queries, W7 start-up, W8 helpers inside tests, W9 planning."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.compare import fresh_directory
from bench.generate import Suite, Work, independent, write_script
from bench.line import Line, void
from bench.measure import Command, Sample, run_measured
from bench.peers import megatest
from bench.peers.peer import Tool

_ROOT: Final = Path(__file__).parents[1]
_TESTS_A_RUN: Final = 10_000
_HELPER_CALLS: Final = 200
_RUN_GOAL_S: Final = 0.3
_QUERY_GOAL_MS: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much to measure.

    Attributes:
        results: sizes of the store for W6.
        turns: how often a command runs; the cheapest counts.
        layers, width: of the plan of W9.
    """

    results: tuple[int, ...]
    turns: int
    layers: int
    width: int


FULL: Final = Effort(results=(10_000, 100_000, 1_000_000), turns=9, layers=100, width=1_000)
QUICK: Final = Effort(results=(10_000,), turns=3, layers=10, width=1_000)


class _Failed(Exception):  # noqa: N818 - ends one line, not the benchmark
    """A command did not do what was to be measured."""


def measure_ours(tool: Tool, place: Path, effort: Effort, only: Collection[str] = ()) -> Iterator[Line]:
    """Measure W6 to W9, line by line.

    Args:
        tool: megatest.
        place: directory in memory.
        effort: how much.
        only: names of workloads; empty for all.
    """
    with fresh_directory(place) as directory:
        sections = [
            *(("W6", _queries(tool, directory / f"w6-{size}", size, effort)) for size in effort.results),
            ("W7", _start_up(tool, directory / "w7", effort)),
            ("W8", _helpers(tool, directory / "w8", effort)),
            ("W9", _planning(directory / "w9", effort)),
        ]
        for workload, lines in sections:
            if not only or workload in only:
                yield from _guarded(workload, lines)


def _guarded(workload: str, lines: Iterator[Line]) -> Iterator[Line]:
    """Pass lines on; a command that fails ends its workload with a void line."""
    try:
        yield from lines
    except _Failed as reason:
        yield void(workload, "the rest of it", str(reason))


def _run(argv: Sequence[str], directory: Path) -> Sample:
    """Run one of our commands and return its cost.

    Raises:
        _Failed: it did not end well.
    """
    changes = {**megatest.clean_environment(), "PYTHONPATH": str(_ROOT)}
    command = Command(argv=tuple(argv), directory=directory, environment=changes)
    sample = run_measured(command, directory / "output")
    if sample.problem:
        raise _Failed(f"{' '.join(argv[1:3])}: {sample.problem}")
    return sample


def _cheapest(argv: Sequence[str], directory: Path, turns: int) -> Sample:
    """Return the run with the least processor time: what disturbs a run only ever adds to it."""
    return min((_run(argv, directory) for _ in range(turns)), key=lambda sample: sample.cpu_s)


def _probe(argv: Sequence[str], directory: Path) -> dict[str, float]:
    _run((sys.executable, "-m", *argv), directory)
    values: dict[str, float] = json.loads((directory / "output").read_text().splitlines()[-1])
    return values


def _small_area(directory: Path, tool: Tool, suite: Suite) -> Work:
    """Make an area with a few tests that have run."""
    work = Work(suite=suite, directory=directory, jobs=2)
    directory.mkdir()
    megatest.write_area(work)
    _run(megatest.run_argv(work, tool), directory)
    return work


# -- W6 -----------------------------------------------------------------------------------------


def _queries(tool: Tool, directory: Path, results: int, effort: Effort) -> Iterator[Line]:
    work = Work(suite=independent(1), directory=directory, jobs=2)
    directory.mkdir()
    megatest.write_area(work)
    database = str(megatest.area(work) / "megatest.db")
    runs = results // _TESTS_A_RUN
    make = ("bench.probes.records", "make", database, str(runs), str(_TESTS_A_RUN))
    _run((sys.executable, "-m", *make), directory)
    where = f"{results:,} results"
    for title, argv, goal in (
        (f"`list` of a run of {_TESTS_A_RUN:,}", ("list",), _RUN_GOAL_S),
        ("`list --runs`", ("list", "--runs"), None),
        ("`show` of one test", ("show", "sweep/corner/00000"), None),
    ):
        line = (str(tool.program), argv[0], "--area", str(megatest.area(work)), *argv[1:])
        sample = _cheapest(line, directory, effort.turns)
        yield Line(workload="W6", title=f"{title}, {where}", value=sample.wall_s, unit="s", goal=goal)
    asked = _probe(("bench.probes.records", "ask", database), directory)
    for title, value in asked.items():
        goal = _QUERY_GOAL_MS if title == "tests of a run" else None
        yield Line(workload="W6", title=f"query: {title}, {where}", value=value, unit="ms", goal=goal)


# -- W7 -----------------------------------------------------------------------------------------

_COMMANDS: Final[tuple[tuple[str, tuple[str, ...], float | None], ...]] = (
    ("`megatest --version`", ("--version",), None),
    ("`megatest --help`", ("--help",), None),
    ("`megatest list`", ("list",), 100.0),
    ("`megatest list --runs`", ("list", "--runs"), None),
    ("`megatest show`", ("show", "t0"), None),
    ("`megatest why`", ("why", "t0"), None),
    ("`megatest config get`", ("config", "get", "setup", "linktree"), None),
    ("`megatest check`", ("check",), None),
    ("`megatest run --dry-run`", ("run", "--dry-run", "-t", megatest.TARGET, "-n", megatest.RUN), None),
    ("`megatest -list-runs %`", ("-list-runs", "%"), None),
)


def _start_up(tool: Tool, directory: Path, effort: Effort) -> Iterator[Line]:
    work = _small_area(directory, tool, independent(10))
    here = megatest.area(work)
    for title, words, goal in _COMMANDS:
        try:
            sample = _cheapest((str(tool.program), *words), here, effort.turns)
        except _Failed as reason:
            yield void("W7", title, str(reason))
            continue
        yield Line(workload="W7", title=title, value=sample.cpu_s * 1000, unit="ms CPU", goal=goal)


# -- W8 -----------------------------------------------------------------------------------------


def _helpers(tool: Tool, directory: Path, effort: Effort) -> Iterator[Line]:
    """Measure the calls of a test that calls a helper often, less those of one that calls none."""
    directory.mkdir()
    report = "-step s :state start :status - -m said"
    calls = {"none": ":", "shim": f"megatest {report}", "python": f"{tool.program} {report}"}
    cost_s = {name: _calling_test(tool, directory / name, call, effort.turns) for name, call in calls.items()}
    for name, title, goal in (
        ("shim", "`megatest -step` inside a test", 2.0),
        ("python", "the same by the whole program", 25.0),
    ):
        value = (cost_s[name] - cost_s["none"]) * 1000 / _HELPER_CALLS
        yield Line(workload="W8", title=title, value=value, unit="ms CPU", goal=goal)


def _calling_test(tool: Tool, directory: Path, call: str, turns: int) -> float:
    """Return the least processor seconds of a run whose one test makes the calls."""
    text = f"#!/bin/sh\ni=0\nwhile [ $i -lt {_HELPER_CALLS} ]; do i=$((i+1)); {call} || exit 1; done\n"
    costs = []
    for turn in range(min(turns, 3)):
        work = Work(suite=independent(1), directory=directory / str(turn), jobs=2)
        work.directory.mkdir(parents=True)
        megatest.write_area(work)
        script = megatest.area(work) / "tests" / "t0" / "run.sh"
        script.unlink()
        write_script(script, text)
        costs.append(_run(megatest.run_argv(work, tool), work.directory).cpu_s)
    return min(costs)


# -- W9 -----------------------------------------------------------------------------------------


def _planning(directory: Path, effort: Effort) -> Iterator[Line]:
    directory.mkdir()
    size = (str(effort.layers), str(effort.width), "3")
    got = _probe(("bench.probes.planning", *size), directory)
    what = f"{got['tests']:,} tests, {got['prerequisites']:,} prerequisites"
    full = effort is FULL
    seconds = got["select_s"] + got["plan_s"]
    yield Line(workload="W9", title=f"plan of {what}", value=seconds, unit="s", goal=3.0 if full else None)
    yield Line(
        workload="W9",
        title="memory of that, specs included",
        value=got["peak_mib"],
        unit="MiB",
        goal=400.0 if full else None,
    )
    yield Line(workload="W9", title="a test's start and end in the plan", value=got["event_us"], unit="us")
