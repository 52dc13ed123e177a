"""The executor for any launcher line, against journals and a clock that a test makes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from fakes.batch_system import FakeClock
from megatest.executors.command import CommandExecutor
from megatest.executors.process import Marks, Process
from megatest.model.attempt import Ended, Started
from megatest.model.job import ChangeKind, Job, JobChange

_DEAD_TIME_S = 600


class Desk:
    """An executor with what it sees: journals, time and the host's processes.

    Attributes:
        journals: what each run directory's journal says.
        passes: the names of the jobs that each pass over the host's processes was about.
    """

    def __init__(self, directory: Path) -> None:
        self.journals: dict[str, tuple[Started | None, Ended | None]] = {}
        self.passes: list[list[str]] = []
        self.clock = FakeClock()
        self._directory = directory
        self.executor = CommandExecutor(
            glance=lambda run_dir: self.journals.get(run_dir, (None, None)),
            dead_time_s=_DEAD_TIME_S,
            clock=self.clock,
            find=self._find,
        )

    def _find(self, jobs: Iterable[Marks]) -> dict[str, list[Process]]:
        self.passes.append([marks.job for marks in jobs])
        return {}

    def adopted(self, row: int, started: Started) -> Job:
        """Return a job that began as `started` says, and that the executor watches."""
        run_dir = self._directory / str(row)
        run_dir.mkdir()
        log = run_dir / "log"
        log.touch()
        job = Job(row=row, attempt=1, name=f"j{row}", run_dir=str(run_dir), script="job.sh", log=str(log))
        self.journals[job.run_dir] = (started, None)
        [change] = self.executor.adopt([(job, job.name)])
        assert change.kind is ChangeKind.STARTED
        return job

    def poll_after(self, seconds: float) -> list[JobChange]:
        """Let time pass, and look."""
        self.clock.now += seconds
        return list(self.executor.poll())


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.executor.close()


def _elsewhere() -> Started:
    return Started(attempt=1, pid=17, host="elsewhere")


def _here() -> Started:
    """Return the record of a process that lives for as long as the test."""
    return Started(attempt=1, pid=os.getpid(), host=os.uname().nodename)


def test_many_jobs_are_ended_with_one_look_at_the_hosts_processes_a_step(desk: Desk) -> None:
    jobs = [desk.adopted(row, _here()) for row in range(50)]
    desk.executor.cancel([job.row for job in jobs], 5)
    assert desk.poll_after(0) == []
    assert desk.passes == [[job.name for job in jobs]]


def test_jobs_that_nobody_ends_are_not_looked_for(desk: Desk) -> None:
    wanted, unwanted = desk.adopted(1, _here()), desk.adopted(2, _here())
    desk.executor.cancel([unwanted.row], 5)
    desk.poll_after(0)
    assert wanted.name not in {name for names in desk.passes for name in names}


def test_a_job_elsewhere_that_was_silent_for_the_dead_time_is_lost(desk: Desk) -> None:
    job = desk.adopted(1, _elsewhere())
    os.utime(job.log, (0, 0))
    assert desk.poll_after(_DEAD_TIME_S) == []
    [change] = desk.poll_after(1)
    assert change.kind is ChangeKind.LOST
    assert change.reason == "silent for 600 s on elsewhere"


def test_a_job_elsewhere_whose_log_grows_is_not_lost(desk: Desk) -> None:
    desk.adopted(1, _elsewhere())
    assert desk.poll_after(10 * _DEAD_TIME_S) == []


def test_a_job_here_whose_process_is_gone_may_still_have_left_its_last_line(desk: Desk) -> None:
    job = desk.adopted(1, Started(attempt=1, pid=0, host=os.uname().nodename))
    assert desk.poll_after(0) == []
    started, _ = desk.journals[job.run_dir]
    desk.journals[job.run_dir] = (started, Ended(code=3))
    [change] = desk.poll_after(1)
    assert (change.kind, change.code) == (ChangeKind.ENDED, 3)
