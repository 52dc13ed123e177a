"""The Grid Engine executor when Grid Engine misbehaves: a real one, the jobs of the contract."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from megatest.model.job import ChangeKind, Resources
from services.batch_service import BatchService, begun
from services.executor_place import QUICK, Behaviour, Watch, Workshop, times_run
from services.service import Services, restart

_FLUSHED_S = 60
"""The accounting is written some 15 s after an end."""


@pytest.fixture
def gridengine(services: Services, tmp_path: Path) -> BatchService:
    environment = services("sge-up", 2)
    return BatchService(
        environment=environment,
        directory=Path(environment["SGE_ROOT"]).parent,
        pid_file="spool/qmaster/qmaster.pid",
        place=lambda places: places.gridengine(tmp_path / "spool"),
    )


def _job_id(handle: str) -> str:
    return handle.removeprefix("gridengine:").partition("_")[0]


def test_a_job_that_somebody_else_deletes_is_never_a_success(
    gridengine: BatchService, workshop: Workshop, tmp_path: Path
) -> None:
    watch = Watch(gridengine.executor(replace(QUICK, patience_s=_FLUSHED_S)))
    job, handle = begun(watch, workshop, tmp_path / "never")
    gridengine.tell("qdel", _job_id(handle))
    end = watch.until_ended([job])[job.row]
    # qdel is KILL: there is no exit record, and the accounting tells of the signal.
    assert (end.kind, end.code, end.signal) == (ChangeKind.ENDED, None, 9)


def test_a_pending_job_that_somebody_else_deletes_is_lost(
    gridengine: BatchService, workshop: Workshop
) -> None:
    watch = Watch(gridengine.executor(replace(QUICK, options=("-h",))))
    job = workshop.job()
    [answer] = watch.executor.submit([job])
    told = watch.until_told(job, ChangeKind.PENDING)
    assert "it is held; `qrls" in told.reason
    gridengine.tell("qdel", _job_id(answer.handle))
    end = watch.until_ended([job])[job.row]
    assert end.kind is ChangeKind.LOST
    assert "neither the queue nor the accounting" in end.reason
    assert times_run(job) == 0


def test_a_job_that_is_let_go_runs(gridengine: BatchService, workshop: Workshop) -> None:
    watch = Watch(gridengine.executor(replace(QUICK, options=("-h",))))
    job = workshop.job()
    [answer] = watch.executor.submit([job])
    watch.until_told(job, ChangeKind.PENDING)
    assert gridengine.tell("qrls", _job_id(answer.handle)) == 0
    assert watch.until_ended([job])[job.row].code == 0


def test_a_request_that_grid_engine_refuses_is_an_answer_with_its_words(
    gridengine: BatchService, workshop: Workshop
) -> None:
    executor = gridengine.executor(replace(QUICK, queue="no-such-queue"))
    [answer] = executor.submit([workshop.job()])
    assert "no-such-queue" in answer.error
    assert executor.next_poll_s() is None


def test_licences_that_are_there_are_waited_for_and_others_refused(
    gridengine: BatchService, workshop: Workshop, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    watch = Watch(gridengine.executor())
    wish = Resources(extra=(("licenses", "sim:2"),))
    first, second = (workshop.job(Behaviour(gate=gate), resources=wish) for _ in range(2))
    watch.executor.submit([first, second])
    watch.until(lambda: times_run(first) + times_run(second) == 1)
    watch.until(lambda: any("waits for a free slot" in change.reason for change in watch.news))
    gate.touch()
    ends = watch.until_ended([first, second])
    assert [ends[job.row].code for job in (first, second)] == [0, 0]
    unknown = workshop.job(resources=Resources(extra=(("licenses", "synth"),)))
    [answer] = watch.executor.submit([unknown])
    assert "synth" in answer.error


def test_a_master_that_answers_nobody_holds_nothing_up_and_loses_nothing(
    gridengine: BatchService, workshop: Workshop, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    executor = gridengine.executor(replace(QUICK, command_timeout_s=1, submit_timeout_s=1))
    watch = Watch(executor)
    job, _ = begun(watch, workshop, gate)
    late = workshop.job()
    with gridengine.frozen():
        [answer] = executor.submit([late])
        assert not answer.error
        watch.until(lambda: bool(executor.trouble))
        gate.touch()
        watch.until(lambda: "3 times in a row" in executor.trouble)
    ends = watch.until_ended([job, late])
    assert watch.longest_poll_s < 0.5
    assert ends[job.row].code == 3
    assert ends[late.row].code == 0
    assert [times_run(job), times_run(late)] == [1, 1]


def test_the_master_may_be_restarted_under_running_and_pending_jobs(
    gridengine: BatchService, workshop: Workshop, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    watch = Watch(gridengine.executor(replace(QUICK, patience_s=_FLUSHED_S)))
    job, _ = begun(watch, workshop, gate)
    held = Watch(gridengine.executor(replace(QUICK, options=("-h",))))
    waiting = workshop.job()
    [answer] = held.executor.submit([waiting])
    held.until_told(waiting, ChangeKind.PENDING)
    restart("sge-up", gridengine.directory)
    gate.touch()
    assert gridengine.tell("qrls", _job_id(answer.handle)) == 0
    assert watch.until_ended([job])[job.row].code == 3
    assert held.until_ended([waiting])[waiting.row].code == 0
    assert [times_run(job), times_run(waiting)] == [1, 1]


def test_a_job_in_error_state_says_what_shows_and_clears_it(
    gridengine: BatchService, workshop: Workshop, tmp_path: Path
) -> None:
    # Grid Engine cannot enter the directory that this output is to go to.
    nowhere = tmp_path / "nowhere" / "deep"
    watch = Watch(
        gridengine.executor(replace(QUICK, options=("-o", str(nowhere / "x"), "-wd", str(nowhere))))
    )
    job = workshop.job()
    watch.executor.submit([job])
    watch.until(lambda: any("error state" in change.reason for change in watch.news))
    watch.executor.cancel([job.row], 0)
    watch.until_ended([job])
    assert times_run(job) == 0


def test_a_time_limit_ends_a_job_and_is_never_a_success(
    gridengine: BatchService, workshop: Workshop, tmp_path: Path
) -> None:
    watch = Watch(gridengine.executor(replace(QUICK, patience_s=_FLUSHED_S)))
    job = workshop.job(Behaviour(gate=tmp_path / "never"), resources=Resources(walltime_s=2))
    watch.executor.submit([job])
    end = watch.until_ended([job])[job.row]
    assert end.kind is ChangeKind.ENDED
    assert end.signal == 9
