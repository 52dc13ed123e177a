"""Array scripts: written, run by a real shell, and read again."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from megatest.executors.queue import Ref, ref_from_handle
from megatest.executors.spool import Spool, unfit
from megatest.model.job import Job


def _job(directory: Path, row: int, script: str = "echo done >here\n") -> Job:
    run_dir = directory / f'it\'s a $(touch bad) `x` \\ "q" é {row}'
    run_dir.mkdir(parents=True)
    (run_dir / "job.sh").write_text(f'cd "$(dirname "$0")"\n{script}')
    log = str(run_dir / "the log")
    return Job(
        row=row, attempt=1, name=f"area.{row}", run_dir=str(run_dir), script=str(run_dir / "job.sh"), log=log
    )


def _run(script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", script],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def test_a_task_becomes_its_own_job_script(tmp_path: Path) -> None:
    jobs = [
        _job(tmp_path, row, f"echo out {row}; echo err >&2; echo $MT_JOB; exit {row}\n") for row in (1, 2, 3)
    ]
    spool = Spool(str(tmp_path / "spool"))
    spool.write("mt-1", jobs, "TASK")
    assert _run(spool.script("mt-1"), TASK="2").returncode == 2
    assert Path(jobs[1].log).read_text() == "out 2\nerr\narea.2\n"
    assert not Path(jobs[0].log).exists()
    assert not (tmp_path / "bad").exists()


def test_the_log_is_added_to_so_that_a_second_start_wipes_nothing(tmp_path: Path) -> None:
    job = _job(tmp_path, 1, "echo once\n")
    spool = Spool(str(tmp_path / "spool"))
    spool.write("mt-1", [job], "")
    _run(spool.script("mt-1"))
    _run(spool.script("mt-1"))
    assert Path(job.log).read_text() == "once\nonce\n"


def test_a_task_that_the_array_does_not_have_says_so(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path / "spool"))
    spool.write("mt-1", [_job(tmp_path, 1)], "TASK")
    done = _run(spool.script("mt-1"), TASK="9")
    assert done.returncode == 66
    assert "no task 9" in done.stderr


def test_a_log_that_cannot_be_written_fails_the_task_with_the_shells_complaint(tmp_path: Path) -> None:
    job = _job(tmp_path, 1)
    os.mkdir(job.log)
    spool = Spool(str(tmp_path / "spool"))
    spool.write("mt-1", [job], "")
    done = _run(spool.script("mt-1"))
    assert done.returncode != 0
    assert "the log" in done.stderr


def test_what_an_earlier_engine_wrote_is_found_by_job_name(tmp_path: Path) -> None:
    jobs = [_job(tmp_path, row) for row in (1, 2)]
    Spool(str(tmp_path / "spool")).write("mt-1", jobs, "TASK")
    assert Spool(str(tmp_path / "spool")).earlier() == {
        "area.1": Ref(name="mt-1", index=1),
        "area.2": Ref(name="mt-1", index=2),
    }


def test_what_is_older_than_half_a_year_is_removed(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path / "spool"))
    spool.write("mt-1", [_job(tmp_path, 1)], "")
    os.utime(spool.script("mt-1"), (0, 0))
    assert Spool(str(tmp_path / "spool")).earlier() == {}
    assert not os.path.exists(spool.script("mt-1"))


def test_foreign_and_broken_files_in_the_spool_do_no_harm(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path / "spool"))
    os.mkdir(spool.directory)
    Path(spool.directory, "other.sh").write_bytes(b"\xff task 'open\ntask x y z a\ntask 1 'b c d\n")
    Path(spool.directory, "dir.sh").mkdir()
    assert spool.earlier() == {}


def test_the_last_line_of_the_batch_systems_own_output_is_the_complaint(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path))
    assert spool.complaint("mt-1") == ""
    Path(spool.out("mt-1")).write_text("first\n/bin/sh: cannot open\n\n")
    assert spool.complaint("mt-1") == "/bin/sh: cannot open"
    assert spool.complaint("mt-1", "fir") == "first"
    assert spool.complaint("mt-1", "of another task") == "/bin/sh: cannot open"


@pytest.mark.parametrize("path", ["/a\nb", "/a\rb"])
def test_a_path_with_a_line_break_is_refused(path: str) -> None:
    job = Job(row=1, attempt=1, name="n", run_dir="/r", script=path, log="/l")
    assert "line break" in unfit(job)


def test_a_handle_reads_back_as_what_it_was() -> None:
    for ref in (Ref(name="mt-1", index=3, job_id="12.server"), Ref(name="mt-1-a", index=1)):
        assert ref_from_handle("slurm", ref.handle("slurm")) == ref


@pytest.mark.parametrize("handle", ["", "123", "slurm:", "slurm:12_x/n", "pbs:1_1/n", "slurm:1_1/", "ssh:a"])
def test_what_is_no_handle_of_ours_is_nothing(handle: str) -> None:
    assert ref_from_handle("slurm", handle) is None
