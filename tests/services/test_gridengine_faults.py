"""The Grid Engine executor when Grid Engine misbehaves: a real one, the jobs of the contract."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from megatest.executors.batch import BatchExecutor
from megatest.executors.setting import BatchSettings
from megatest.model.job import ChangeKind, Job, Resources
from services.executor_place import BatchPlaces, Behaviour, Watch, Workshop, times_run
from services.service import Services, restart

_QUICK = BatchSettings(patience_s=3, slowest_poll_s=1, command_timeout_s=20)
_FLUSHED_S = 60
"""The accounting is written some 15 s after an end."""


class GridEngine:
    """A Grid Engine and executors over it."""

    def __init__(self, environment: Mapping[str, str], spool: Path) -> None:
        self._environment = environment
        self._spool = spool
        self.directory = Path(environment["SGE_ROOT"]).parent

    def executor(self, settings: BatchSettings = _QUICK) -> BatchExecutor:
        executor = BatchPlaces(self._environment, settings).gridengine(self._spool).executor()
        assert isinstance(executor, BatchExecutor)
        return executor

    def tell(self, *words: str) -> int:
        done = subprocess.run(words, env=dict(self._environment), capture_output=True, text=True, timeout=60)
        return done.returncode

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let the master answer nobody for a while."""
        pid = int((self.directory / "spool/qmaster/qmaster.pid").read_text())
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)


@pytest.fixture
def gridengine(services: Services, tmp_path: Path) -> GridEngine:
    return GridEngine(services("sge-up", 2), tmp_path / "spool")


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path / "runs")


def _job_id(handle: str) -> str:
    return handle.removeprefix("gridengine:").partition("_")[0]


def _running(watch: Watch, workshop: Workshop, gate: Path) -> tuple[Job, str]:
    """Let a job begin; return it with its job id."""
    job = workshop.job(Behaviour(gate=gate, code=3))
    [answer] = watch.executor.submit([job])
    watch.until_told(job, ChangeKind.STARTED)
    watch.until(lambda: times_run(job) == 1)
    return job, _job_id(answer.handle)


def test_a_job_that_somebody_else_deletes_is_never_a_success(
    gridengine: GridEngine, workshop: Workshop, tmp_path: Path
) -> None:
    watch = Watch(gridengine.executor(replace(_QUICK, patience_s=_FLUSHED_S)))
    job, job_id = _running(watch, workshop, tmp_path / "never")
    gridengine.tell("qdel", job_id)
    end = watch.until_ended([job])[job.row]
    # qdel is KILL: there is no exit record, and the accounting tells of the signal.
    assert (end.kind, end.code, end.signal) == (ChangeKind.ENDED, None, 9)


def test_a_pending_job_that_somebody_else_deletes_is_lost(gridengine: GridEngine, workshop: Workshop) -> None:
    watch = Watch(gridengine.executor(replace(_QUICK, options=("-h",))))
    job = workshop.job()
    [answer] = watch.executor.submit([job])
    told = watch.until_told(job, ChangeKind.PENDING)
    assert "it is held; `qrls" in told.reason
    gridengine.tell("qdel", _job_id(answer.handle))
    end = watch.until_ended([job])[job.row]
    assert end.kind is ChangeKind.LOST
    assert "neither the queue nor the accounting" in end.reason
    assert times_run(job) == 0


def test_a_job_that_is_let_go_runs(gridengine: GridEngine, workshop: Workshop) -> None:
    watch = Watch(gridengine.executor(replace(_QUICK, options=("-h",))))
    job = workshop.job()
    [answer] = watch.executor.submit([job])
    watch.until_told(job, ChangeKind.PENDING)
    assert gridengine.tell("qrls", _job_id(answer.handle)) == 0
    assert watch.until_ended([job])[job.row].code == 0


def test_a_request_that_grid_engine_refuses_is_an_answer_with_its_words(
    gridengine: GridEngine, workshop: Workshop
) -> None:
    executor = gridengine.executor(replace(_QUICK, queue="no-such-queue"))
    [answer] = executor.submit([workshop.job()])
    assert "no-such-queue" in answer.error
    assert executor.next_poll_s() is None


def test_licences_that_are_there_are_waited_for_and_others_refused(
    gridengine: GridEngine, workshop: Workshop, tmp_path: Path
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
    gridengine: GridEngine, workshop: Workshop, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    executor = gridengine.executor(replace(_QUICK, command_timeout_s=1, submit_timeout_s=1))
    watch = Watch(executor)
    job, _ = _running(watch, workshop, gate)
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
    gridengine: GridEngine, workshop: Workshop, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    watch = Watch(gridengine.executor(replace(_QUICK, patience_s=_FLUSHED_S)))
    job, _ = _running(watch, workshop, gate)
    held = Watch(gridengine.executor(replace(_QUICK, options=("-h",))))
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
    gridengine: GridEngine, workshop: Workshop, tmp_path: Path
) -> None:
    # Grid Engine cannot enter the directory that this output is to go to.
    nowhere = tmp_path / "nowhere" / "deep"
    watch = Watch(
        gridengine.executor(replace(_QUICK, options=("-o", str(nowhere / "x"), "-wd", str(nowhere))))
    )
    job = workshop.job()
    watch.executor.submit([job])
    watch.until(lambda: any("error state" in change.reason for change in watch.news))
    watch.executor.cancel([job.row], 0)
    watch.until_ended([job])
    assert times_run(job) == 0


def test_a_time_limit_ends_a_job_and_is_never_a_success(
    gridengine: GridEngine, workshop: Workshop, tmp_path: Path
) -> None:
    watch = Watch(gridengine.executor(replace(_QUICK, patience_s=_FLUSHED_S)))
    job = workshop.job(Behaviour(gate=tmp_path / "never"), resources=Resources(walltime_s=2))
    watch.executor.submit([job])
    end = watch.until_ended([job])[job.row]
    assert end.kind is ChangeKind.ENDED
    assert end.signal == 9
