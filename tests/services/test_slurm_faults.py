"""The Slurm executor when Slurm misbehaves: a real Slurm, the jobs of the contract."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from megatest.model.job import ChangeKind, Resources
from services.batch_service import BatchService, begun
from services.executor_place import QUICK, Behaviour, Watch, Workshop, glance, times_run
from services.service import Services, restart


@pytest.fixture
def slurm(services: Services, tmp_path: Path) -> BatchService:
    environment = services("slurm-up", 4)
    return BatchService(
        environment=environment,
        directory=Path(environment["SLURM_CONF"]).parent.parent,
        pid_file="run/slurmctld.pid",
        place=lambda places: places.slurm(tmp_path / "spool"),
    )


def _job_id(handle: str) -> str:
    """Return a job's id as scancel takes it."""
    return handle.removeprefix("slurm:").partition("/")[0]


def test_a_job_that_somebody_else_cancels_ends_with_slurms_word(
    slurm: BatchService, workshop: Workshop, tmp_path: Path
) -> None:
    watch = Watch(slurm.executor())
    job, handle = begun(watch, workshop, tmp_path / "never")
    slurm.tell("scancel", _job_id(handle))
    end = watch.until_ended([job])[job.row]
    assert end.kind is ChangeKind.ENDED
    assert end.code != 0
    assert "it was cancelled (CANCELLED)" in end.reason


def test_a_pending_job_that_somebody_else_cancels_is_told_too(
    slurm: BatchService, workshop: Workshop
) -> None:
    watch = Watch(slurm.executor(replace(QUICK, options=("--hold",))))
    job = workshop.job()
    [answer] = watch.executor.submit([job])
    told = watch.until_told(job, ChangeKind.PENDING)
    assert "its owner holds it" in told.reason
    slurm.tell("scancel", _job_id(answer.handle))
    end = watch.until_ended([job])[job.row]
    assert end.code != 0
    assert times_run(job) == 0


def test_a_job_that_asks_for_too_much_says_that_it_may_wait_for_ever(
    slurm: BatchService, workshop: Workshop
) -> None:
    watch = Watch(slurm.executor())
    job = workshop.job(resources=Resources(cpus=999))
    watch.executor.submit([job])
    watch.until(lambda: any("may wait for ever" in change.reason for change in watch.news))
    watch.executor.cancel([job.row], 0)
    watch.until_ended([job])


def test_a_request_that_slurm_refuses_is_an_answer_with_its_words(
    slurm: BatchService, workshop: Workshop
) -> None:
    executor = slurm.executor(replace(QUICK, queue="no-such-partition"))
    [answer] = executor.submit([workshop.job()])
    assert "invalid partition" in answer.error.lower()
    assert executor.next_poll_s() is None


def test_a_failed_node_is_a_loss_and_no_verdict(
    slurm: BatchService, workshop: Workshop, tmp_path: Path
) -> None:
    watch = Watch(slurm.executor())
    job, _ = begun(watch, workshop, tmp_path / "never")
    node = os.uname().nodename.partition(".")[0]
    try:
        assert slurm.tell("scontrol", "update", f"nodename={node}", "state=down", "reason=test") == 0
        end = watch.until_ended([job])[job.row]
    finally:
        slurm.tell("scontrol", "update", f"nodename={node}", "state=resume")  # unless it came back itself
    assert end.kind is ChangeKind.LOST or end.code == 143
    assert "NODE_FAIL" in end.reason


def test_a_controller_that_answers_nobody_holds_nothing_up_and_loses_nothing(
    slurm: BatchService, workshop: Workshop, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    executor = slurm.executor(replace(QUICK, command_timeout_s=1, submit_timeout_s=1))
    watch = Watch(executor)
    job, _ = begun(watch, workshop, gate)
    late = workshop.job()
    with slurm.frozen():
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


def test_a_preempted_job_is_a_loss_and_no_verdict(
    slurm: BatchService, workshop: Workshop, tmp_path: Path
) -> None:
    watch = Watch(slurm.executor())
    job = workshop.job(Behaviour(gate=tmp_path / "never"), resources=Resources(cpus=16))
    watch.executor.submit([job])
    watch.until(lambda: times_run(job) == 1)
    whole = ("--partition=urgent", "--cpus-per-task=16", "--job-name=urgent", "--output=/dev/null")
    assert slurm.tell("sbatch", *whole, "--wrap=sleep 1000") == 0
    end = watch.until_ended([job])[job.row]
    slurm.tell("scancel", "--name=urgent")
    assert "it was preempted by another job (PREEMPTED)" in end.reason
    assert end.kind is ChangeKind.LOST or end.code == 143


def test_licences_that_are_there_are_waited_for_and_others_refused(
    slurm: BatchService, workshop: Workshop, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    watch = Watch(slurm.executor())
    wish = Resources(extra=(("licenses", "sim:2"),))
    first, second = (workshop.job(Behaviour(gate=gate), resources=wish) for _ in range(2))
    watch.executor.submit([first, second])
    watch.until(lambda: times_run(first) + times_run(second) == 1)
    watch.until(lambda: any("Licenses" in change.reason for change in watch.news))
    gate.touch()
    ends = watch.until_ended([first, second])
    assert [ends[job.row].code for job in (first, second)] == [0, 0]
    unknown = workshop.job(resources=Resources(extra=(("licenses", "synth"),)))
    [answer] = watch.executor.submit([unknown])
    assert "license" in answer.error.lower()


def test_a_job_that_is_requeued_against_our_wish_is_told_once(
    slurm: BatchService, workshop: Workshop, tmp_path: Path
) -> None:
    watch = Watch(slurm.executor(replace(QUICK, options=("--requeue",))))
    job, handle = begun(watch, workshop, tmp_path / "never")
    assert slurm.tell("scontrol", "requeue", _job_id(handle)) == 0
    watch.until(lambda: glance(job.run_dir)[1] is not None)
    watch.executor.recorded(job.row, 143)
    # It is pending again, for two minutes: the record of its first start need not wait for that.
    end = watch.until_ended([job])[job.row]
    slurm.tell("scancel", _job_id(handle))
    assert (end.kind, end.code) == (ChangeKind.ENDED, 143)


def test_daemons_may_be_restarted_under_running_and_pending_jobs(
    slurm: BatchService, workshop: Workshop, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    watch = Watch(slurm.executor())
    job, _ = begun(watch, workshop, gate)
    waiting = workshop.job(resources=Resources(cpus=16))
    watch.executor.submit([waiting])
    watch.until_told(waiting, ChangeKind.PENDING)
    restart("slurm-up", slurm.directory)
    gate.touch()
    ends = watch.until_ended([job, waiting])
    assert [ends[job.row].code, ends[waiting.row].code] == [3, 0]
    assert [times_run(job), times_run(waiting)] == [1, 1]


def test_without_accounting_the_controller_itself_is_asked(slurm: BatchService, workshop: Workshop) -> None:
    watch = Watch(slurm.executor(replace(QUICK, accounting=False)))
    job = workshop.job(Behaviour(signal=9))
    watch.executor.submit([job])
    assert watch.until_ended([job])[job.row].signal == 9


@pytest.mark.slow
def test_a_time_limit_is_named_as_the_reason(slurm: BatchService, workshop: Workshop, tmp_path: Path) -> None:
    watch = Watch(slurm.executor())
    job = workshop.job(Behaviour(gate=tmp_path / "never"), resources=Resources(walltime_s=1))
    watch.executor.submit([job])
    watch.until(lambda: job.row in watch.final, timeout_s=180)
    assert "it reached its time limit (TIMEOUT)" in watch.final[job.row].reason
    assert watch.final[job.row].code != 0
