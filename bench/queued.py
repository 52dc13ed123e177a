"""A hundred thousand tests in a queue, without processes or files: what does the engine itself cost?

``python bench/queued.py [--jobs N]`` prints, for N tests and for a tenth of them: the processor time
of the engine for each test, split into launching all of them and the life that follows, and the
largest resident size.  The queue is simulated on a clock of its own; it runs a thousand jobs at
once, ten seconds each, and tells of beginnings once a second.  Each end is learned from a journal.
"""

from __future__ import annotations

import argparse
import heapq
import resource
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from fakes.engine_world import EngineWorld, FakeRunLog, FakeWatcher
from fakes.executor import FakeCluster, FakeExecutor
from megatest.model.attempt import Ended, Started
from megatest.model.change import Change
from megatest.model.ids import TestId
from megatest.model.job import ChangeKind, Job, JobChange, Submission
from megatest.model.record import TestRecord

_WIDTH = 1000
_LASTS_S = 10.0
_TELLS_EVERY_S = 1.0


class SimulatedQueue(FakeExecutor):
    """A queue whose cost is that of its events.

    Args:
        cluster: whose clock counts.
        world: whose journals the jobs write.
    """

    def __init__(self, cluster: FakeCluster, world: EngineWorld) -> None:
        super().__init__(cluster, queues=True)
        self._world = world
        self._clock: Callable[[], float] = cluster.clock
        self._waiting: deque[Job] = deque()
        self._running: list[tuple[float, int, Job]] = []
        self._jobs: dict[int, Job] = {}
        self._begun: list[Job] = []
        self._news: list[JobChange] = []
        self._tell_at = 0.0
        self.submitted_at_cpu_s = 0.0

    def submit(self, jobs: Sequence[Job]) -> Sequence[Submission]:
        """Take jobs into the queue."""
        self._waiting.extend(jobs)
        self._jobs.update((job.row, job) for job in jobs)
        self.submitted_at_cpu_s = time.process_time()
        return [Submission(row=job.row, handle=f"sim:1_{job.row}/mt-1") for job in jobs]

    def advance(self) -> None:
        """Let time pass in the queue: ends are written into journals, free places are filled."""
        now = self._clock()
        journals = self._world.workarea.journals
        while self._running and self._running[0][0] <= now:
            _, _, job = heapq.heappop(self._running)
            journals[job.run_dir].append(Ended(code=0, uptime_s=now))
        while self._waiting and len(self._running) < _WIDTH:
            job = self._waiting.popleft()
            journals[job.run_dir] = [Started(attempt=job.attempt, pid=1, uptime_s=now)]
            heapq.heappush(self._running, (now + _LASTS_S * (0.5 + job.row % 100 / 100), job.row, job))
            self._begun.append(job)

    def poll(self) -> Sequence[JobChange]:
        """Tell of beginnings once a second, and of the ends that the engine has read."""
        news, self._news = self._news, []
        if self._clock() >= self._tell_at:
            self._tell_at = self._clock() + _TELLS_EVERY_S
            news += [_change(job, ChangeKind.STARTED) for job in self._begun if job.row in self._jobs]
            self._begun.clear()
        return news

    def recorded(self, row: int, code: int) -> None:
        """Tell the end with the next poll."""
        self._news.append(_change(self._jobs.pop(row), ChangeKind.ENDED, code))

    def next_poll_s(self) -> float | None:
        """Return when something can be told."""
        if self._news:
            return 0.0
        return max(0.0, self._tell_at - self._clock()) if self._jobs else None


def _change(job: Job, kind: ChangeKind, code: int | None = None) -> JobChange:
    return JobChange(row=job.row, attempt=job.attempt, kind=kind, code=code)


class _Forgetful(FakeRunLog):
    """A log that keeps nothing: a real one is on disk."""

    def rows(self, records: Iterable[TestRecord]) -> None:
        """See the port."""

    def changes(self, changes: Sequence[Change], token: int) -> None:
        """See the port."""


@dataclass(slots=True)
class _Counting(FakeWatcher):
    """A watcher that only counts."""

    count: Counter[str] = field(default_factory=Counter)

    def launched(self, test_id: TestId, attempt: int) -> None:
        """See the port."""
        self.count["launched"] += 1

    def ended(
        self,
        test_id: TestId,
        state: str,
        status: str,
        duration_s: float,
        comment: str,
        flaky: bool = False,
    ) -> None:
        """See the port."""
        self.count[status] += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What so many tests cost.

    Attributes:
        launch_us, life_us: processor time for each test, in microseconds.
        rss_mib: the largest resident size.
    """

    count: int
    launch_us: float
    life_us: float
    rss_mib: float


def simulate(count: int) -> Costs:
    """Run so many tests through a simulated queue; the memory is that of this process so far."""
    watcher = _Counting()
    world = EngineWorld(
        graph=(f"t[{' '.join(map(str, range(count)))}]",), slots=count, log=_Forgetful(), watcher=watcher
    )
    made: list[SimulatedQueue] = []

    def make(cluster: FakeCluster) -> FakeExecutor:
        made.append(SimulatedQueue(cluster, world))
        return made[-1]

    world.make_executor = make
    world.waiter.before = lambda: made[-1].advance()  # noqa: PLW0108 - made later
    begun_s = time.process_time()
    world.run()
    ended_s = time.process_time()
    assert watcher.count == {"launched": count, "PASS": count}, watcher.count
    launched_s = made[-1].submitted_at_cpu_s
    return Costs(
        count=count,
        launch_us=(launched_s - begun_s) / count * 1e6,
        life_us=(ended_s - launched_s) / count * 1e6,
        rss_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def bench_queued(count: int) -> None:
    """Print the figures of a tenth and of all, each from a process of its own."""
    for size in (count // 10, count):
        subprocess.run([sys.executable, __file__, "--jobs", str(size), "--once"], check=True)


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--once", action="store_true", help="this size only, in this process")
    asked = parser.parse_args()
    if not asked.once:
        bench_queued(asked.jobs)
        return
    costs = simulate(asked.jobs)
    print(
        f"queued: {costs.count} tests: {costs.launch_us:.0f} us of processor each to plan and launch, "
        f"{costs.life_us:.0f} us from there to the end; {costs.rss_mib:.0f} MiB",
        flush=True,
    )


if __name__ == "__main__":
    main()
