"""How fast are the executors?  ``python bench/executors.py [ssh] [slurm] [run] [queued] [--jobs N]``

Starts the throw-away services of tests/services and removes them again.  Prints for Slurm: the
time to submit N no-op jobs, the time until all ends are known, the queries a second, and the
same N no-ops as an array written by hand and waited for by `squeue`; for run: the same through
``megatest run``, in turns with the array by hand; for ssh: no-op jobs a second through one session
on loopback, against the same jobs started by a local shell; for queued: see `bench/queued.py`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from bench.queued import bench_queued
from megatest.executors.batch import BatchExecutor
from megatest.executors.call import child_starter
from megatest.executors.setting import BatchSettings
from megatest.executors.slurm import Slurm, unfiltered
from megatest.model.job import Job
from services.executor_place import SshPlaces, Watch, glance
from services.service import ServiceMissing, service

_TURNS = 2
_BURST_S = 10.0
"""So long may queries come faster than one a second."""

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
    taken_s = _submit_and_wait(f"1-{len(jobs)}", wrap, environment)
    assert all(glance(job.run_dir)[1] is not None for job in jobs)
    return taken_s


def _submit_and_wait(tasks: str, wrap: str, environment: Mapping[str, str]) -> float:
    words = ["sbatch", "--parsable", f"--array={tasks}", "--output=/dev/null", f"--wrap={wrap}"]
    begun = time.monotonic()
    job_id = subprocess.run(
        words, env=dict(environment), capture_output=True, text=True, check=True
    ).stdout.strip()
    query = ["squeue", "-h", "-j", job_id]
    while subprocess.run(query, env=dict(environment), capture_output=True, check=False).stdout:
        time.sleep(0.1)
    return time.monotonic() - begun


_RUN_CONFIG = """\
[fields]
SYSTEM TEXT

[setup]
target linux
linktree #{getenv MT_RUN_AREA_HOME}/lt

[executor slurm]
"""

_NOTING = """\
#!/bin/sh
echo "$(date +%s.%N) {program}" >>{calls}
exec {real} "$@"
"""


def bench_run(directory: Path, environment: Mapping[str, str], count: int) -> None:
    """Print the figures for whole runs through Slurm, in turns with an array by hand; the best counts."""
    area = directory / "area"
    (area / "tests/t").mkdir(parents=True)
    (area / "megatest.config").write_text(_RUN_CONFIG)
    (area / "runconfigs.config").write_text("[default]\n[linux]\n")
    items = " ".join(map(str, range(count)))
    (area / "tests/t/testconfig").write_text(f"[setup]\nrunscript main.sh\n\n[items]\nN {items}\n")
    script = area / "tests/t/main.sh"
    script.write_text("#!/bin/sh\nexit 0\n")
    script.chmod(0o755)
    ours, by_hand = [], []
    for turn in range(_TURNS):
        ours.append(_run_once(area, f"r{turn}", directory / f"calls{turn}", environment, count))
        by_hand.append(_same_by_hand(area / f"runs/linux/r{turn}/t", environment, count))
    best, best_by_hand = min(ours), min(by_hand)
    print(f"run: {count} no-op tests in {best:.1f} s (all: {_seconds(ours)}),")
    print(f"run: their job scripts as an array by hand in {best_by_hand:.1f} s (all: {_seconds(by_hand)}):")
    print(f"run: ours takes {best / best_by_hand:.2f} times that")


def _same_by_hand(directory: Path, environment: Mapping[str, str], count: int) -> float:
    """Submit the job scripts of a run that is over as an array by hand; return the seconds."""
    journals = [directory / f"{n}/.megatest/journal" for n in range(count)]
    for journal in journals:
        journal.unlink()
    wrap = f"exec /bin/sh {directory}/$SLURM_ARRAY_TASK_ID/.megatest/job.sh >/dev/null 2>&1"
    taken_s = _submit_and_wait(f"0-{count - 1}", wrap, environment)
    assert all('"k":"exit"' in journal.read_text() for journal in journals)
    return taken_s


def _seconds(values: Sequence[float]) -> str:
    return " ".join(f"{value:.1f}" for value in values)


def _run_once(area: Path, name: str, calls: Path, environment: Mapping[str, str], count: int) -> float:
    """Run the area once; print what its commands did; return the seconds of the whole command."""
    noting = calls.with_suffix(".bin")
    noting.mkdir()
    for program in ("sbatch", "squeue", "sacct"):
        path = noting / program
        real = shutil.which(program, path=environment["PATH"])
        path.write_text(_NOTING.format(program=program, calls=calls, real=real))
        path.chmod(0o755)
    command = Path(sys.executable).parent / "megatest"
    words = [str(command), "run", "--area", str(area), "--executor", "slurm", "-n", name]
    begun = time.time()
    done = subprocess.run(
        words,
        env={**environment, "PATH": f"{noting}:{environment['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    taken_s = time.time() - begun
    assert f"{count} PASS" in done.stdout, done.stdout[-1000:]
    called = [(float(at), program) for at, program in map(str.split, calls.read_text().splitlines())]
    submitted_s = max(at for at, program in called if program == "sbatch") - begun
    queries = [at for at, program in called if program != "sbatch"]
    steady = min(queries) + _BURST_S
    rate = len([at for at in queries if at > steady]) / max(1.0, begun + taken_s - steady)
    print(
        f"run: the last sbatch {submitted_s:.2f} s after the command began; {len(queries)} queries, "
        f"{rate:.2f}/s once {_BURST_S:g} s after the first; {taken_s:.1f} s in all"
    )
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
    parser.add_argument("which", nargs="*", default=["ssh", "slurm", "run", "queued"])
    parser.add_argument("--jobs", type=int, default=1000)
    asked = parser.parse_args()
    services = {
        "ssh": ("ssh-up", 2, bench_ssh),
        "slurm": ("slurm-up", 4, bench_slurm),
        "run": ("slurm-up", 4, bench_run),
    }
    for name in asked.which:
        if name == "queued":
            bench_queued(100 * asked.jobs)
            continue
        script, ports, bench = services[name]
        with tempfile.TemporaryDirectory() as temporary:
            directory = Path(temporary)
            directory.chmod(0o755)
            try:
                with service(script, directory / "service", ports=ports) as environment:
                    bench(directory, environment, asked.jobs)
            except ServiceMissing as reason:
                print(f"{name}: not measured: {reason}")


if __name__ == "__main__":
    main()
