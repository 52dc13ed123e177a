"""Slurm and Grid Engine when asking after jobs fails, hangs, or is about somebody else's job."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from megatest.executors.batch import BatchExecutor
from megatest.executors.setting import BatchSettings
from megatest.model.job import ChangeKind, Job
from services.executor_place import QUICK, BatchPlaces, Behaviour, Place, Watch, Workshop, times_run
from services.service import Services
from services.unreliable import Unreliable

_UNENDING_S = 1e9
_HASTE = 20000.0
"""So many seconds of the executor pass in one: it waits for a minute between failing queries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A batch system with a query that can fail.

    Attributes:
        place: makes the place of executors, with settings and a clock.
        query: the command that lists the queue.
        submit, about, cancel: commands of somebody else: for a job, after it, and for its end.
        environment: reaches the service.
    """

    place: Callable[[BatchSettings, Callable[[], float]], Place]
    query: Unreliable
    submit: tuple[str, ...]
    about: tuple[str, ...]
    cancel: tuple[str, ...]
    environment: Mapping[str, str]

    def executor(
        self, settings: BatchSettings = QUICK, clock: Callable[[], float] = time.monotonic
    ) -> BatchExecutor:
        executor = self.place(settings, clock).executor()
        assert isinstance(executor, BatchExecutor)
        return executor

    def tell(self, *words: str) -> str:
        done = subprocess.run(
            words, env=dict(self.environment), capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout.strip()


@pytest.fixture(params=["slurm", "gridengine"])
def queue(request: pytest.FixtureRequest, services: Services, tmp_path: Path) -> Queue:
    is_slurm = request.param == "slurm"
    environment = services("slurm-up", 4) if is_slurm else services("sge-up", 2)
    query = Unreliable("squeue" if is_slurm else "qstat", tmp_path / "before", environment)
    spool = tmp_path / "spool"

    def place(settings: BatchSettings, clock: Callable[[], float]) -> Place:
        places = BatchPlaces(environment=query.environment, settings=settings, clock=clock)
        return places.slurm(spool) if is_slurm else places.gridengine(spool)

    foreign = (
        ("sbatch", "--parsable", "--output=/dev/null", "--wrap=sleep 1000")
        if is_slurm
        else ("qsub", "-terse", "-b", "y", "-j", "y", "-o", "/dev/null", "sleep", "1000")
    )
    return Queue(
        place=place,
        query=query,
        submit=foreign,
        about=("squeue", "--noheader", "--jobs") if is_slurm else ("qstat", "-j"),
        cancel=("scancel",) if is_slurm else ("qdel",),
        environment=environment,
    )


def _hasty_clock() -> Callable[[], float]:
    begin = time.monotonic()
    return lambda: begin + (time.monotonic() - begin) * _HASTE


def _running(watch: Watch, workshop: Workshop, gate: Path) -> Job:
    job = workshop.job(Behaviour(gate=gate, code=3))
    watch.executor.submit([job])
    watch.until(lambda: times_run(job) == 1)
    return job


@pytest.mark.parametrize("failures", [1, 10, 100])
def test_a_query_that_fails_moves_no_job(
    queue: Queue, workshop: Workshop, tmp_path: Path, failures: int
) -> None:
    settings = BatchSettings(patience_s=_UNENDING_S, command_timeout_s=20)
    watch = Watch(queue.executor(settings, _hasty_clock()))
    job = _running(watch, workshop, tmp_path / "gate")
    queue.query.fail(failures)
    watch.until(lambda: queue.query.left() == 0)
    watch.until(lambda: not watch.executor.trouble)
    assert watch.final == {}
    (tmp_path / "gate").touch()
    end = watch.until_ended([job])[job.row]
    assert (end.kind, end.code, times_run(job)) == (ChangeKind.ENDED, 3, 1)


def test_a_query_that_hangs_holds_nothing_up_and_is_given_up(
    queue: Queue, workshop: Workshop, tmp_path: Path
) -> None:
    watch = Watch(queue.executor(BatchSettings(patience_s=3, slowest_poll_s=1, command_timeout_s=0.5)))
    job = _running(watch, workshop, tmp_path / "gate")
    queue.query.hang(so=True)
    watch.until(lambda: "gave no answer" in watch.executor.trouble)
    watch.executor.recorded(job.row, 3)  # the engine reads journals meanwhile
    end = watch.until_ended([job])[job.row]
    queue.query.hang(so=False)
    (tmp_path / "gate").touch()
    assert (end.kind, end.code) == (ChangeKind.ENDED, 3)
    assert watch.longest_poll_s < 0.5


def test_a_job_id_that_belongs_to_another_job_now_is_neither_believed_nor_ended(
    queue: Queue, workshop: Workshop
) -> None:
    foreign = queue.tell(*queue.submit)
    job = workshop.job()
    watch = Watch(queue.executor())
    watch.take(watch.executor.adopt([(job, f"{watch.executor.name}:{foreign}_1/mt-long-gone")]))
    watch.executor.cancel([job.row], 0)
    end = watch.until_ended([job])[job.row]
    assert end.kind is ChangeKind.LOST or end.code is None
    assert times_run(job) == 0
    assert queue.tell(*queue.about, foreign)
    queue.tell(*queue.cancel, foreign)
