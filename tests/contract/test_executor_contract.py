"""What every executor does, whichever it is."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from megatest.engine.ports import Executor
from megatest.executors import process
from megatest.executors.command import CommandExecutor
from megatest.model.job import ChangeKind, Job, JobChange, Resources, Submission
from services.executor_place import (
    BatchPlaces,
    Behaviour,
    FakePlace,
    Place,
    SshPlaces,
    Watch,
    Workshop,
    command_place,
    glance,
    local_place,
    log_of,
    opened,
    times_run,
    witness,
)
from services.service import Services

_PLACES = ("fake", "local", "command", "ssh", "far ssh", "slurm", "gridengine")


@pytest.fixture(params=_PLACES)
def place(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    services: Services,
) -> Place:
    """Return each place in turn."""
    name: str = request.param
    if name == "ssh":
        return SshPlaces(services("ssh-up", 2)).place()
    if name == "far ssh":
        return SshPlaces(services("ssh-up", 2), directory=str(tmp_path / "far")).place()
    if name == "slurm":
        return BatchPlaces(services("slurm-up", 4)).slurm(tmp_path / "spool")
    if name == "gridengine":
        return BatchPlaces(services("sge-up", 2)).gridengine(tmp_path / "spool")
    return {"fake": FakePlace, "local": local_place, "command": command_place}[name]()


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path / "runs")


def _made(place: Place, workshop: Workshop, *behaviours: Behaviour) -> list[Job]:
    jobs = [workshop.job(behaviour) for behaviour in behaviours]
    for job, behaviour in zip(jobs, behaviours, strict=True):
        place.prepare(job, behaviour)
    return jobs


def _submit(executor: Executor, jobs: list[Job]) -> dict[int, str]:
    """Submit jobs that must be taken; return their handles by row."""
    answers = executor.submit(jobs)
    assert [answer.row for answer in answers] == [job.row for job in jobs]
    assert [answer.error for answer in answers] == [""] * len(jobs)
    return {answer.row: answer.handle for answer in answers}


def _is_alive(pid: int) -> bool:
    found = process.look_up(pid)
    return found is not None and not found.zombie


def test_it_satisfies_the_port(place: Place) -> None:
    executor: Executor = place.executor()
    assert executor.name
    assert executor.slots is None or executor.slots > 0
    executor.close()


def test_exit_codes_are_told_as_they_were(place: Place, workshop: Workshop) -> None:
    jobs = _made(place, workshop, Behaviour(), Behaviour(code=7), Behaviour(code=75))
    with opened(place) as watch:
        _submit(watch.executor, jobs)
        ends = watch.until_ended(jobs)
    assert [ends[job.row].kind for job in jobs] == [ChangeKind.ENDED] * 3
    assert [ends[job.row].code for job in jobs] == [0, 7, 75]


def test_a_job_that_a_signal_ends_is_never_a_success(place: Place, workshop: Workshop) -> None:
    jobs = _made(place, workshop, Behaviour(signal=9), Behaviour(signal=11))
    with opened(place) as watch:
        _submit(watch.executor, jobs)
        ends = watch.until_ended(jobs)
    for job, number in zip(jobs, (9, 11), strict=True):
        end = ends[job.row]
        assert end.code != 0
        # A launcher line knows nothing of the end: then it is lost, not judged.
        assert end.kind is ChangeKind.LOST or end.signal == number or end.code == 128 + number


def test_what_a_job_prints_is_in_its_log(place: Place, workshop: Workshop) -> None:
    jobs = _made(place, workshop, Behaviour(says="grüße\nand more\n"), Behaviour(says="the second"))
    with opened(place) as watch:
        _submit(watch.executor, jobs)
        watch.until_ended(jobs)
    assert log_of(jobs[0]) == "grüße\nand more\n"
    assert log_of(jobs[1]) == "the second"


def test_a_running_job_is_told_as_started(place: Place, workshop: Workshop, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    [job] = _made(place, workshop, Behaviour(gate=gate))
    with opened(place) as watch:
        _submit(watch.executor, [job])
        watch.until(lambda: times_run(job) == 1)
        gate.touch()
        watch.until_ended([job])
    assert all(change.attempt == job.attempt for change in watch.news)


def test_a_hundred_jobs_each_run_once(place: Place, workshop: Workshop) -> None:
    jobs = _made(place, workshop, *[Behaviour(code=n % 3) for n in range(100)])
    with opened(place) as watch:
        _submit(watch.executor, jobs)
        ends = watch.until_ended(jobs)
    assert [ends[job.row].code for job in jobs] == [n % 3 for n in range(100)]
    assert [times_run(job) for job in jobs] == [1] * 100


def test_poll_never_blocks(place: Place, workshop: Workshop, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    jobs = _made(place, workshop, *[Behaviour(gate=gate) for _ in range(4)])
    with opened(place) as watch:
        _submit(watch.executor, jobs)
        watch.until(lambda: all(times_run(job) == 1 for job in jobs))
        gate.touch()
        watch.until_ended(jobs)
    assert watch.longest_poll_s < 0.5


def test_a_job_submitted_twice_runs_once(place: Place, workshop: Workshop, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    [job] = _made(place, workshop, Behaviour(gate=gate))
    with opened(place) as watch:
        first = _submit(watch.executor, [job])
        second = _submit(watch.executor, [job])
        assert first == second
        gate.touch()
        watch.until_ended([job])
    assert times_run(job) == 1
    assert "already" not in log_of(job)


def test_a_script_that_is_not_there_is_told_and_not_raised(place: Place, workshop: Workshop) -> None:
    job = workshop.job()
    os.unlink(job.script)
    place.prepare(job, Behaviour())
    with opened(place) as watch:
        _assert_told_as_bad(watch, job, watch.executor.submit([job]))


def test_a_run_directory_that_is_gone_is_told_and_not_raised(place: Place, workshop: Workshop) -> None:
    job = workshop.job()
    os.rename(job.run_dir, job.run_dir + ".away")
    place.prepare(job, Behaviour())
    with opened(place) as watch:
        _assert_told_as_bad(watch, job, watch.executor.submit([job]))


def _assert_told_as_bad(watch: Watch, job: Job, answers: object) -> None:
    [answer] = answers if isinstance(answers, list | tuple) else []
    assert isinstance(answer, Submission)
    if answer.error:
        return
    if isinstance(watch.executor, CommandExecutor):
        # A launcher that returned well may start the job yet: only its cancellation settles it.
        watch.executor.cancel([job.row], 0)
    end = watch.until_ended([job])[job.row]
    assert end.kind is ChangeKind.LOST or end.code != 0 or end.reason


def test_cancel_ends_a_job_that_heeds_term(place: Place, workshop: Workshop, tmp_path: Path) -> None:
    [job] = _made(place, workshop, Behaviour(gate=tmp_path / "never"))
    with opened(place) as watch:
        _submit(watch.executor, [job])
        watch.until(lambda: times_run(job) == 1)
        watch.executor.cancel([job.row], 5)
        end = watch.until_ended([job])[job.row]
    assert end.code != 0


def test_cancel_reaches_what_ignores_term_or_left_the_session(
    place: Place, workshop: Workshop, tmp_path: Path
) -> None:
    never = tmp_path / "never"
    jobs = _made(
        place,
        workshop,
        Behaviour(gate=never, ignores_term=True),
        Behaviour(gate=never, strays=True),
    )
    with opened(place) as watch:
        _submit(watch.executor, jobs)
        watch.until(lambda: all(times_run(job) == 1 for job in jobs))
        stray = witness(jobs[1], "stray")
        if not isinstance(place, FakePlace):
            watch.until(stray.exists)
        watch.executor.cancel([job.row for job in jobs], 0.5)
        watch.until_ended(jobs)
    for job in jobs:
        started, _ = glance(job.run_dir)
        assert started is not None
        assert not _is_alive(started.pid)
    assert not stray.exists() or not _is_alive(int(stray.read_text()))


def test_cancel_of_a_pending_job_ends_it_before_it_began(place: Place, workshop: Workshop) -> None:
    executor = place.closed()
    if executor is None:
        pytest.skip("without a queue nothing is ever pending")
    watch = Watch(executor)
    job = workshop.job()
    _submit(executor, [job])
    watch.until_told(job, ChangeKind.PENDING)
    executor.cancel([job.row], 1)
    watch.until_ended([job])
    executor.close()
    assert times_run(job) == 0


def test_a_pending_job_says_why(place: Place, workshop: Workshop) -> None:
    executor = place.closed()
    if executor is None:
        pytest.skip("without a queue nothing is ever pending")
    watch = Watch(executor)
    job = workshop.job()
    _submit(executor, [job])
    watch.until(lambda: any(c.kind is ChangeKind.PENDING and c.reason for c in watch.news))
    executor.cancel([job.row], 0)
    watch.until_ended([job])
    executor.close()


def test_cancel_of_a_job_that_nobody_knows_is_nothing(place: Place) -> None:
    with opened(place) as watch:
        watch.executor.cancel([4711], 0)
        assert [change for change in watch.executor.poll() if change.row == 4711] == []


def test_a_running_job_is_adopted_and_its_end_told(place: Place, workshop: Workshop, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    [job] = _made(place, workshop, Behaviour(gate=gate, code=3))
    with opened(place) as watch:
        handles = _submit(watch.executor, [job])
        watch.until(lambda: times_run(job) == 1)
    with opened(place) as watch:
        [change] = watch.executor.adopt([(job, handles[job.row])])
        assert change.kind in (ChangeKind.STARTED, ChangeKind.PENDING)
        gate.touch()
        watch.until(lambda: glance(job.run_dir)[1] is not None)
        end = watch.until_ended([job])[job.row]
    # Who is not the parent need not know the code: the journal does.
    assert end.kind is ChangeKind.LOST or end.code in (3, None)
    assert times_run(job) == 1


def test_an_adopted_job_can_be_cancelled(place: Place, workshop: Workshop, tmp_path: Path) -> None:
    [job] = _made(place, workshop, Behaviour(gate=tmp_path / "never", strays=True))
    with opened(place) as watch:
        handles = _submit(watch.executor, [job])
        watch.until(lambda: times_run(job) == 1)
    with opened(place) as watch:
        watch.take(watch.executor.adopt([(job, handles[job.row])]))
        watch.executor.cancel([job.row], 0.5)
        watch.until_ended([job])
    started, _ = glance(job.run_dir)
    assert started is not None
    assert not _is_alive(started.pid)


def test_a_job_that_ended_meanwhile_is_settled_on_adoption(place: Place, workshop: Workshop) -> None:
    [job] = _made(place, workshop, Behaviour(code=4))
    with opened(place) as watch:
        handles = _submit(watch.executor, [job])
        watch.until_ended([job])
    with opened(place) as watch:
        watch.take(watch.executor.adopt([(job, handles[job.row])]))
        end = watch.until_ended([job])[job.row]
    assert end.kind is ChangeKind.LOST or end.code == 4


def test_a_job_that_never_existed_is_lost(place: Place, workshop: Workshop) -> None:
    job = workshop.job()
    with opened(place) as watch:
        [change] = watch.executor.adopt([(job, "")])
        watch.take([change])
        if change.kind is ChangeKind.PENDING:
            watch.executor.cancel([job.row], 0)  # a launcher may still start it: only this settles it
        end = watch.until_ended([job])[job.row]
    assert end.kind is ChangeKind.LOST
    assert end.reason
    assert times_run(job) == 0


def test_jobs_with_different_wishes_are_submitted_together(place: Place, workshop: Workshop) -> None:
    jobs = [workshop.job(resources=Resources(walltime_s=60 + n)) for n in range(3)]
    for job in jobs:
        place.prepare(job, Behaviour())
    with opened(place) as watch:
        handles = _submit(watch.executor, jobs)
        ends = watch.until_ended(jobs)
    assert len(set(handles.values())) in (1, 3)
    assert {end.code for end in ends.values()} == {0}


def test_five_hundred_jobs_outlive_the_executor_that_submitted_them(place: Place, workshop: Workshop) -> None:
    jobs = _made(place, workshop, *[Behaviour() for _ in range(place.many)])
    with opened(place) as watch:
        handles = _submit(watch.executor, jobs)
        watch.take(watch.executor.poll())
    with opened(place) as watch:
        watch.take(watch.executor.adopt([(job, handles[job.row]) for job in jobs]))
        ends = dict(watch.until_ended(jobs))
        # What was still ours to start is lost with us; the engine makes a new attempt of it.
        never_began = [job for job in jobs if ends[job.row].kind is ChangeKind.LOST and times_run(job) == 0]
        again = [replace(job, attempt=2) for job in never_began]
        _rerun(place, watch, again)
    assert [times_run(job) for job in jobs] == [1] * len(jobs)
    assert all(glance(job.run_dir)[1] is not None for job in jobs)


def _rerun(place: Place, watch: Watch, jobs: list[Job]) -> None:
    for job in jobs:
        place.prepare(job, Behaviour())
        del watch.final[job.row]
    if jobs:
        _submit(watch.executor, jobs)
        watch.until_ended(jobs)


def test_news_of_jobs_in_any_order_and_twice_settles_each_once(place: Place, workshop: Workshop) -> None:
    jobs = _made(place, workshop, *[Behaviour(code=n) for n in range(5)])
    with opened(place) as watch:
        _submit(watch.executor, jobs)
        watch.until_ended(jobs)
        end = time.monotonic() + 0.3
        watch.until(lambda: time.monotonic() > end)
    ends: dict[int, list[JobChange]] = {}
    for change in watch.news:
        if change.kind is ChangeKind.ENDED:
            ends.setdefault(change.row, []).append(change)
    assert {row: changes[-1].code for row, changes in ends.items()} == {j.row: n for n, j in enumerate(jobs)}
    assert all(len(changes) == 1 for changes in ends.values())


def test_nothing_is_due_when_nothing_runs(place: Place, workshop: Workshop) -> None:
    [job] = _made(place, workshop, Behaviour())
    with opened(place) as watch:
        _submit(watch.executor, [job])
        watch.until_ended([job])
        watch.until(lambda: watch.executor.next_poll_s() is None, timeout_s=10)
