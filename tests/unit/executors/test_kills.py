"""Ending jobs of this host: how often the host's processes are looked through, and when it is over."""

from __future__ import annotations

import os
from collections.abc import Iterable

from megatest.executors.kills import Kills
from megatest.executors.process import Marks, Process
from megatest.model.job import ChangeKind, Job, JobChange

_GRACE_S = 5.0


class FakeHost:
    """Processes that live until the test says otherwise, and how often they were looked through.

    Attributes:
        alive: names of the jobs that have a process: one that no pid means any more.
        passes: the names of the jobs that each pass was about.
    """

    def __init__(self, alive: Iterable[str]) -> None:
        self.alive = set(alive)
        self.passes: list[list[str]] = []

    def find(self, jobs: Iterable[Marks]) -> dict[str, list[Process]]:
        names = [marks.job for marks in jobs]
        self.passes.append(names)
        return {name: [_gone_process()] for name in names if name in self.alive}


def _gone_process() -> Process:
    """Return a process that has this pid no longer, so that no signal reaches anybody."""
    return Process(pid=os.getpid(), parent=1, session=1, started=0, name="sleep", zombie=False)


def _jobs(count: int) -> list[Job]:
    return [Job(row=n, attempt=1, name=f"j{n}", run_dir="", script="", log="") for n in range(count)]


def _begun(host: FakeHost, jobs: Iterable[Job]) -> Kills:
    kills = Kills(host.find)
    for job in jobs:
        kills.begin(job, Marks(job=job.name), 0, _GRACE_S)
    return kills


def _end(job: Job) -> JobChange:
    return JobChange(row=job.row, attempt=1, kind=ChangeKind.ENDED, signal=15)


def test_many_jobs_are_ended_with_one_look_at_the_hosts_processes_a_step() -> None:
    jobs = _jobs(400)
    host = FakeHost(job.name for job in jobs)
    kills = _begun(host, jobs)
    assert kills.go_on(0) == []
    assert len(host.passes) == 1
    host.alive.clear()
    ends = [_end(job) for job in jobs]
    assert all(kills.ended(job, end) for job, end in zip(jobs, ends, strict=True))
    assert kills.go_on(1) == ends
    assert [len(names) for names in host.passes] == [400, 400]
    assert not kills


def test_only_jobs_whose_time_has_come_are_looked_for() -> None:
    first, second = jobs = _jobs(2)
    host = FakeHost(job.name for job in jobs)
    kills = _begun(host, jobs)
    kills.go_on(0)
    kills.ended(second, _end(second))
    host.alive.remove(second.name)
    assert kills.go_on(0) == [_end(second)]
    assert host.passes == [[first.name, second.name], [second.name]]


def test_nobody_is_looked_for_before_anything_is_due() -> None:
    host = FakeHost(["j0"])
    kills = _begun(host, _jobs(1))
    kills.go_on(0)
    assert kills.go_on(kills.next_at() / 2) == []
    assert len(host.passes) == 1
