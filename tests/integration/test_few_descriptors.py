"""This machine is out of descriptors for a while: everything waits, and nothing is judged by it."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from megatest.app.errand import Errand, Errands
from megatest.executors.process import reserved_descriptor
from megatest.model.error import EnvironmentFault
from megatest.model.job import ChangeKind, Job
from services.executor_place import Behaviour, Place, Workshop, command_place, local_place, opened

_KEPT = 64


@contextmanager
def _room_for(processes: int) -> Iterator[None]:
    """Lower the limit of descriptors so that no more than so many can be used for processes."""
    free = [os.open(os.devnull, os.O_RDONLY) for _ in range(processes + 1)]
    for descriptor in free:
        os.close(descriptor)
    most = free[-1]
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(2 * most, most + _KEPT), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))


@pytest.fixture(params=[local_place, command_place])
def place(request: pytest.FixtureRequest) -> Place:
    make: Callable[[], Place] = request.param
    return make()


def _jobs(place: Place, workshop: Workshop, behaviour: Behaviour, count: int) -> list[Job]:
    jobs = [replace(workshop.job(behaviour), launcher="env") for _ in range(count)]  # one that waits
    for job in jobs:
        place.prepare(job, behaviour)
    return jobs


def test_jobs_that_cannot_be_watched_yet_wait_and_run_when_they_can(place: Place, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    jobs = _jobs(place, Workshop(tmp_path / "runs"), Behaviour(gate=gate), 8)
    with opened(place) as watch, _room_for(3):
        answers = watch.executor.submit(jobs)
        assert {answer.error for answer in answers} == {""}
        watch.take(watch.executor.poll())
        waiting = [change for change in watch.news if change.kind is ChangeKind.PENDING]
        assert 0 < len(waiting) < 8
        assert {change.reason for change in waiting} == {"cannot be started now: Too many open files"}
        gate.touch()
        ends = watch.until_ended(jobs)
    assert {(end.kind, end.code) for end in ends.values()} == {(ChangeKind.ENDED, 0)}


def test_a_job_that_waits_for_a_descriptor_can_be_ended(place: Place, tmp_path: Path) -> None:
    jobs = _jobs(place, Workshop(tmp_path / "runs"), Behaviour(gate=tmp_path / "never"), 8)
    with opened(place) as watch, _room_for(3):
        watch.executor.submit(jobs)
        watch.executor.cancel([job.row for job in jobs], 0)
        ends = watch.until_ended(jobs)
    assert ends[jobs[-1].row].kind is ChangeKind.LOST
    assert ends[jobs[-1].row].reason == "ended before it began"


def test_a_live_job_that_cannot_be_watched_is_not_taken_for_gone(tmp_path: Path) -> None:
    place = local_place()
    gate = tmp_path / "gate"
    jobs = _jobs(place, Workshop(tmp_path / "runs"), Behaviour(gate=gate), 1)
    with opened(place) as watch:
        watch.executor.submit(jobs)
        watch.until(lambda: Path(jobs[0].run_dir, ".megatest/journal").exists())
        with (
            opened(place) as next_engine,
            _room_for(0),
            pytest.raises(EnvironmentFault, match="Too many open files"),
        ):
            next_engine.executor.adopt([(jobs[0], "")])
        gate.touch()
        watch.until_ended(jobs)


def test_an_errand_waits_too(tmp_path: Path) -> None:
    codes: list[int] = []
    errands = Errands(at_once=2)
    with _room_for(0), pytest.raises(OSError, match="Too many open files"), reserved_descriptor():
        pass
    with _room_for(0):
        errands.run(
            Errand(
                command="exit 3",
                directory=str(tmp_path),
                environment={"PATH": os.defpath},
                log=str(tmp_path / "log"),
                limit_s=20,
                done=codes.append,
            )
        )
        assert (codes, errands.fds()) == ([], [])
    assert errands.wait(20) == 0
    assert codes == [3]
