"""How fast are the executors?  ``python bench/executors.py [ssh] [slurm] [--jobs N]``

Starts the throw-away services of tests/services and removes them again.  Prints for Slurm: the
time to submit N no-op jobs, the time until all ends are known, the queries a second, and the
same N no-ops as an array written by hand and waited for by `squeue`; for ssh: no-op jobs a
second through one session on loopback, against the same jobs started by a local shell.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from megatest.executors.batch import BatchExecutor
from megatest.executors.call import child_starter
from megatest.executors.setting import BatchSettings
from megatest.executors.slurm import Slurm, unfiltered
from megatest.model.job import Job
from services.executor_place import SshPlaces, Watch, glance
from services.service import service

_NO_OP = """\
cd "${0%/.megatest/*}" || exit 70
echo '{"k":"start","pid":'$$'}' >.megatest/journal
echo '{"k":"exit","code":0}' >>.megatest/journal
"""


def make_jobs(directory: Path, count: int) -> list[Job]:
    """Return no-op jobs that write the journal as real ones do."""
    return [_job(directory / f"run{row}", row) for row in range(1, count + 1)]


def _job(run_dir: Path, row: int) -> Job:
    (run_dir / ".megatest").mkdir(parents=True)
    script = run_dir / ".megatest/job.sh"
    script.write_text(_NO_OP)
    return Job(
        row=row,
        attempt=1,
        name=f"bench.{row}",
        run_dir=str(run_dir),
        script=str(script),
        log=str(run_dir / "log"),
    )


def bench_slurm(directory: Path, environment: Mapping[str, str], count: int) -> None:
    """Print the figures for Slurm."""
    jobs = make_jobs(directory / "ours", count)
    executor = BatchExecutor(
        system=Slurm(settings=BatchSettings(), user=str(os.getuid())),
        settings=BatchSettings(),
        spool=str(directory / "spool"),
        glance=glance,
        start=child_starter(unfiltered(environment)),
    )
    watch = Watch(executor)
    begun = time.monotonic()
    answers = executor.submit(jobs)
    submitted_s = time.monotonic() - begun
    assert not any(answer.error for answer in answers)
    watch.until(lambda: len(watch.final) == count, timeout_s=900)
    total_s = time.monotonic() - begun
    assert all(change.code == 0 for change in watch.final.values())
    print(
        f"slurm: {count} jobs submitted in {submitted_s * 1000:.0f} ms, all ends known after {total_s:.1f} s"
    )
    print(
        f"slurm: {executor.queries} queries, {executor.queries / total_s:.2f}/s; "
        f"longest poll {watch.longest_poll_s * 1000:.0f} ms"
    )
    by_hand_s = _array_by_hand(make_jobs(directory / "by hand", count), directory, environment)
    print(f"slurm: the same array by hand {by_hand_s:.1f} s; ours takes {total_s / by_hand_s:.2f} times that")


def _array_by_hand(jobs: Sequence[Job], directory: Path, environment: Mapping[str, str]) -> float:
    wrap = f"exec /bin/sh '{directory}/by hand/run'$SLURM_ARRAY_TASK_ID/.megatest/job.sh"
    words = ["sbatch", "--parsable", f"--array=1-{len(jobs)}", "--output=/dev/null", f"--wrap={wrap}"]
    begun = time.monotonic()
    job_id = subprocess.run(
        words, env=dict(environment), capture_output=True, text=True, check=True
    ).stdout.strip()
    query = ["squeue", "-h", "-j", job_id]
    while subprocess.run(query, env=dict(environment), capture_output=True, check=False).stdout:
        time.sleep(0.1)
    taken_s = time.monotonic() - begun
    assert all(glance(job.run_dir)[1] is not None for job in jobs)
    return taken_s


def bench_ssh(directory: Path, environment: Mapping[str, str], count: int) -> None:
    """Print the figures for one ssh session."""
    jobs = make_jobs(directory / "ours", count)
    executor = SshPlaces(environment).make(16)
    watch = Watch(executor)
    first = make_jobs(directory / "first", 1)
    executor.submit(first)
    watch.until_ended(first)  # the connection is made
    watch.final.clear()
    begun = time.monotonic()
    executor.submit(jobs)
    watch.until(lambda: len(watch.final) == count, timeout_s=600)
    taken_s = time.monotonic() - begun
    executor.close()
    assert all(change.code == 0 for change in watch.final.values())
    print(f"ssh: {count} no-op jobs through one session in {taken_s:.1f} s: {count / taken_s:.0f}/s")
    by_shell_s = _by_shell(make_jobs(directory / "by shell", count))
    print(f"ssh: the same scripts one after another by a local shell: {count / by_shell_s:.0f}/s")


def _by_shell(jobs: Sequence[Job]) -> float:
    text = "".join(f"/bin/sh '{job.script}' >'{job.log}' 2>&1\n" for job in jobs)
    begun = time.monotonic()
    subprocess.run(["/bin/sh"], input=text, text=True, check=True)
    return time.monotonic() - begun


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("which", nargs="*", default=["ssh", "slurm"])
    parser.add_argument("--jobs", type=int, default=1000)
    asked = parser.parse_args()
    services = {"ssh": ("ssh-up", 1, bench_ssh), "slurm": ("slurm-up", 4, bench_slurm)}
    for name in asked.which:
        script, ports, bench = services[name]
        with tempfile.TemporaryDirectory() as temporary:
            directory = Path(temporary)
            directory.chmod(0o755)
            with service(script, directory / "service", ports=ports) as environment:
                bench(directory, environment, asked.jobs)


if __name__ == "__main__":
    main()
