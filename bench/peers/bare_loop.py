"""The bare loop itself: `python -m bench.peers.bare_loop TASK`; see `bench.peers.bare`.

Like a runner that is worth its name it makes the next test's files while others run, and it
uses the cheapest way to start a process that Python has.
"""

from __future__ import annotations

import json
import os
import sys


class Task:
    """What the loop has to do: the model's files, and the tests that get the like of them.

    `upstream` holds for each test the indices of those that it waits on; the bare loop is not asked to.
    """

    def __init__(
        self,
        *,
        model: str,
        run_dir: str,
        link: str,
        directories: list[str],
        files: list[tuple[str, str, int]],
        tests: list[str],
        upstream: list[list[int]],
        jobs: int,
    ) -> None:
        self.model = model
        self.run_dir = run_dir
        self.link = link
        self.directories = directories
        self.files = files
        self.tests = tests
        self.upstream = upstream
        self.jobs = jobs


def main(task_file: str) -> None:
    """Run all tests of a task."""
    with open(task_file, encoding="utf-8") as file:
        task = Task(**json.load(file))
    running = 0
    for name in task.tests:
        run_dir = make_files(task, name)
        if running == task.jobs:
            os.wait()
            running -= 1
        start(run_dir)
        running += 1
    while running:
        os.wait()
        running -= 1


def make_files(task: Task, name: str) -> str:
    """Make the run directory of one test after the model's, and its link; return its path."""
    run_dir = task.run_dir.replace(task.model, name)
    os.mkdir(run_dir)
    for directory in task.directories:
        os.mkdir(f"{run_dir}/{directory}")
    for relative, text, mode in task.files:
        descriptor = os.open(f"{run_dir}/{relative}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        os.write(descriptor, text.replace(task.model, name).encode())
        os.close(descriptor)
    os.symlink(run_dir, task.link.replace(task.model, name))
    return run_dir


def start(run_dir: str) -> None:
    """Start the job script of one test, its output into its log."""
    log = (os.POSIX_SPAWN_OPEN, 1, f"{run_dir}/mt_launch.log", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    script = f"{run_dir}/.megatest/job.sh"
    os.posix_spawn("/bin/sh", ["sh", script], os.environ, file_actions=[log, (os.POSIX_SPAWN_DUP2, 1, 2)])


if __name__ == "__main__":
    main(sys.argv[1])
