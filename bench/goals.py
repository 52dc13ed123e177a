"""What we want to reach beside others, and whether a benchmark's figures reach it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from bench.compare import Comparison
from bench.line import Line
from bench.measure import Figure, Ratio, ratio
from bench.peers.bare import RECORDING
from bench.peers.registry import FLOOR, OURS
from bench.workloads import START_UP

Comparisons = Mapping[str, Comparison]
"""By the key of the workload."""

Reader = Callable[[Comparisons, str], float | None]
"""Takes a value of a runner out of the figures; None where they do not hold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A value of a whole benchmark that should not be above a limit.

    Attributes:
        workload: W1 ...
        title: what is compared.
        limit: the most it may be.
        value: what the runner of this name reached.
        unit: of limit and value; empty for ratios.
    """

    workload: str
    title: str
    limit: float
    value: Reader
    unit: str = ""


def lines(comparisons: Comparisons) -> list[Line]:
    """Return the goals that these figures can answer: what we reached, and the recording loop."""
    return [
        Line(
            workload=goal.workload,
            title=goal.title,
            value=value,
            unit=goal.unit,
            goal=goal.limit,
            floor=goal.value(comparisons, RECORDING.name),
        )
        for goal in GOALS
        if (value := goal.value(comparisons, OURS.name)) is not None
    ]


def _valid(comparisons: Comparisons, key: str, peer: str) -> Figure | None:
    comparison = comparisons.get(key)
    found = comparison.figures.get(peer) if comparison else None
    return found if found and not found.problem else None


def _against(key: str, peers: tuple[str, ...], pick: Callable[[Ratio], float]) -> Reader:
    """Return a reader of a runner's worst ratio to these peers; None unless all of them have figures."""

    def value(comparisons: Comparisons, runner: str) -> float | None:
        its = _valid(comparisons, key, runner)
        theirs = [_valid(comparisons, key, peer) for peer in peers]
        ratios = [ratio(its, figure) if its and figure else None for figure in theirs]
        known = [pick(one) for one in ratios if one is not None]
        return max(known) if len(known) == len(peers) else None

    return value


def _wall(key: str, *peers: str) -> Reader:
    return _against(key, peers, lambda one: one.wall)


def _cpu(key: str, *peers: str) -> Reader:
    return _against(key, peers, lambda one: one.cpu)


def _growth(comparisons: Comparisons, runner: str) -> float | None:
    small = _valid(comparisons, "W1-1000-j2-tmpfs", runner)
    large = _valid(comparisons, "W1-100000-j2-tmpfs", runner)
    return large.wall_ms_per_test / small.wall_ms_per_test if small and large else None


def _sleeping(comparisons: Comparisons, runner: str) -> float | None:
    run = _valid(comparisons, "W5", runner)
    start = _valid(comparisons, START_UP.key, runner)
    if run is None or start is None or run.tests != _SLEEPS:
        return None
    return (run.wall_s - start.wall_s) / _IDEAL_S


def _memory(comparisons: Comparisons, runner: str) -> float | None:
    run = _valid(comparisons, "W1-10000-j2-tmpfs", runner)
    return run.peak_kib / 1024 if run else None


_SLEEPS: Final = 60
_IDEAL_S: Final = 4.0  # 60 sleeps of 0.5 s, eight at a time, the last time four

GOALS: Final = (
    Goal(
        workload="W1", title="wall against ctest, 1,000", limit=0.9, value=_wall("W1-1000-j2-tmpfs", "ctest")
    ),
    Goal(
        workload="W1",
        title="wall against ctest, 10,000",
        limit=0.45,
        value=_wall("W1-10000-j2-tmpfs", "ctest"),
    ),
    Goal(
        workload="W1",
        title="wall against ctest where it files too, 1,000",
        limit=0.9,
        value=_wall("W1-1000-j2-tmpfs", "ctest, filing"),
    ),
    Goal(
        workload="W1",
        title="CPU against ctest where it files too, 1,000",
        limit=1.1,
        value=_cpu("W1-1000-j2-tmpfs", "ctest, filing"),
    ),
    Goal(workload="W1", title="CPU against ctest, 1,000", limit=1.1, value=_cpu("W1-1000-j2-tmpfs", "ctest")),
    Goal(
        workload="W1", title="CPU against ctest, 10,000", limit=0.65, value=_cpu("W1-10000-j2-tmpfs", "ctest")
    ),
    Goal(
        workload="W1",
        title="wall against the bare loop, on disk, 1,000",
        limit=1.3,
        value=_wall("W1-1000-j2-disk", FLOOR.name),
    ),
    Goal(
        workload="W1",
        title="wall against make and ninja where they file too, 1,000",
        limit=1.0,
        value=_wall("W1-1000-j2-tmpfs", "make, filing", "ninja, filing"),
    ),
    Goal(
        workload="W1",
        title="wall against make and ninja where they file too, 10,000",
        limit=1.0,
        value=_wall("W1-10000-j2-tmpfs", "make, filing", "ninja, filing"),
    ),
    Goal(workload="W1", title="a test's cost at 100,000 over that at 1,000", limit=1.1, value=_growth),
    Goal(workload="W1", title="memory at 10,000", limit=60.0, value=_memory, unit="MiB"),
    Goal(workload="W2", title="wall against ctest", limit=1.0, value=_wall("W2", "ctest")),
    Goal(workload="W3", title="wall against ctest", limit=1.0, value=_wall("W3", "ctest")),
    Goal(
        workload="W4",
        title="wall against canary, ReFrame and Avocado, 100",
        limit=0.05,
        value=_wall("W4-100", "canary", "ReFrame", "Avocado"),
    ),
    Goal(workload="W5", title="wall less start-up, over the ideal 4.0 s", limit=1.02, value=_sleeping),
)
