"""The workloads that runners are compared on, W1 to W5; W6 to W9 are ours alone (`ours.py`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bench.generate import Suite, chain, independent, items, layers, sleeps

TMPFS: Final = "tmpfs"
DISK: Final = "disk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One line of work, the same for all runners.

    Attributes:
        key: its name in tables and goals.
        title: what it is.
        suite: makes it.
        tests: how many tests it has; runners for fewer are left out.
        jobs: how many tests may run at once.
        place: on what kind of file system.
        rounds: how often each runner has its turn.
        alone: only we and the floor take part.
    """

    key: str
    title: str
    suite: Callable[[], Suite]
    tests: int
    jobs: int = 2
    place: str = TMPFS
    rounds: int = 5
    alone: bool = False


def _noops(tests: int, rounds: int, *, jobs: int = 2, place: str = TMPFS, alone: bool = False) -> Workload:
    return Workload(
        key=f"W1-{tests}-j{jobs}-{place}",
        title=f"W1: {tests:,} no-op {'test' if tests == 1 else 'tests'}, {jobs} jobs, {place}",
        suite=lambda: independent(tests),
        tests=tests,
        jobs=jobs,
        place=place,
        rounds=rounds,
        alone=alone,
    )


def _items(tests: int, rounds: int) -> Workload:
    return Workload(
        key=f"W4-{tests}",
        title=f"W4: one test with {tests:,} items, 2 jobs",
        suite=lambda: items(tests),
        tests=tests,
        rounds=rounds,
    )


def _sleeps(tests: int, seconds: float, rounds: int) -> Workload:
    return Workload(
        key="W5",
        title=f"W5: {tests} tests that sleep {seconds} s, 8 jobs",
        suite=lambda: sleeps(tests, seconds),
        tests=tests,
        jobs=8,
        rounds=rounds,
    )


_CHAIN: Final = Workload(
    key="W2", title="W2: a chain of 200 tests, 2 jobs", suite=lambda: chain(200), tests=200
)
_LAYERS: Final = Workload(
    key="W3",
    title="W3: ten layers of 100 tests with three random prerequisites each, 2 jobs",
    suite=lambda: layers(10, 100, 3),
    tests=1_000,
)

START_UP: Final = _noops(1, 5, alone=True)
"""Start-up and end of a run: one test."""

FULL: Final = (
    START_UP,
    _noops(100, 3),
    _noops(1_000, 5),
    _noops(1_000, 3, jobs=8),
    _noops(10_000, 3),
    _noops(1_000, 5, place=DISK),
    _CHAIN,
    _LAYERS,
    _items(100, 3),
    _items(1_000, 3),
    _items(10_000, 1),
    _sleeps(60, 0.5, 3),
    _noops(100_000, 1, alone=True),
)
"""Everything that the goals speak of; the largest last, because no peak memory after it is below ours."""

OWN: Final = (START_UP, _noops(1_000, 3), _noops(1_000, 3, place=DISK), _CHAIN, _LAYERS, _sleeps(60, 0.5, 1))
"""What `make bench` runs of them, by ourselves and the floor only."""

QUICK: Final = (
    _noops(20, 1),
    Workload(key="W2", title="W2: a chain of 10 tests", suite=lambda: chain(10), tests=10, rounds=1),
    Workload(
        key="W3", title="W3: three layers of 5 tests", suite=lambda: layers(3, 5, 3), tests=15, rounds=1
    ),
    _items(10, 1),
    _sleeps(8, 0.1, 1),
)
"""The same in small: shows that every runner does its work; its figures mean nothing."""
