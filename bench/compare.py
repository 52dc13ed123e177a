"""Let runners take turns on a workload, look whether each did all of it, and keep the figures."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bench.generate import Suite, Work, tally_problem, write_scripts
from bench.measure import Figure, Sample, figure, run_measured
from bench.peers.peer import Peer, Tool, Unavailable
from bench.workloads import TMPFS, Workload

_TIRESOME_S: Final = 60.0
"""Who takes longer than this for one run gets no further turn at a workload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A workload and what each runner made of it, by the runner's name."""

    workload: Workload
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Directories for works: one in memory, one on a disk."""

    tmpfs: Path
    disk: Path

    def of(self, place: str) -> Path:
        """Return the directory for a workload's place."""
        return self.tmpfs if place == TMPFS else self.disk


def compare(
    workload: Workload, tools: Mapping[Peer, Tool], places: Places, say: Callable[[str], None]
) -> Comparison:
    """Run a workload by every runner that takes it, in rounds.

    Args:
        workload: the work.
        tools: the runners that are here.
        places: where to work.
        say: hears one line for each run.
    """
    suite = workload.suite()
    takers = [peer for peer in tools if suite.shape in peer.shapes and len(suite.tests) <= peer.most_tests]
    samples: dict[str, list[Sample]] = {peer.name: [] for peer in takers}
    for turn in range(workload.rounds):
        for peer in _rotated(takers, turn):
            done = samples[peer.name]
            if done and (done[0].problem or done[0].wall_s > _TIRESOME_S):
                continue
            sample = _one_run(suite, workload, peer, tools[peer], places)
            done.append(sample)
            say(f"{workload.key} round {turn + 1} {peer.name}: {_told(sample, len(suite.tests))}")
    figures = {name: figure(done, len(suite.tests)) for name, done in samples.items()}
    return Comparison(workload=workload, figures=figures)


def _rotated(peers: Sequence[Peer], turn: int) -> list[Peer]:
    """Return the runners, each round another one first."""
    shift = turn % len(peers) if peers else 0
    return [*peers[shift:], *peers[:shift]]


def _one_run(suite: Suite, workload: Workload, peer: Peer, tool: Tool, places: Places) -> Sample:
    with fresh_directory(places.of(workload.place)) as directory:
        work = Work(suite=suite, directory=directory / "work", jobs=workload.jobs)
        work.directory.mkdir()
        write_scripts(work)
        try:
            command = peer.prepare(work, tool)
        except Unavailable as reason:
            return Sample(wall_s=0.0, cpu_s=0.0, peak_kib=0, problem=str(reason))
        sample = run_measured(command, directory / "output")
        problem = sample.problem or tally_problem(work) or peer.check(work)
    return replace(sample, problem=problem)


@contextmanager
def fresh_directory(parent: Path) -> Iterator[Path]:
    """Make a directory of our own below `parent`; remove it with all that is in it."""
    directory = Path(tempfile.mkdtemp(prefix="megatest-bench-", dir=parent))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _told(sample: Sample, tests: int) -> str:
    if sample.problem:
        return f"void: {sample.problem}"
    wall, cpu = sample.wall_s * 1000 / tests, sample.cpu_s * 1000 / tests
    return f"{wall:.2f} ms wall, {cpu:.2f} ms CPU per test"
