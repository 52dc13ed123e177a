"""A loop that keeps the first promises and nothing else.

Started as `python -m bench.peers.recording_loop TASK`; see `bench.peers.bare`.

What the bare loop does, and besides: a test starts when those that it waits on have passed; LAUNCHED is
committed before its process starts; its end is read from its journal; what happened in a turn is one
transaction.  No items, limits, other runs, reruns, kills, steps, verdicts, recovery.
"""

from __future__ import annotations

import json
import os
import select
import sqlite3
import sys
from collections import deque

from bench.peers.bare_loop import Task, make_files

_LAUNCHED = "UPDATE tests SET state = 'LAUNCHED', run_dir = ? WHERE id = ? AND state = 'NOT_STARTED'"
_COMPLETED = (
    "UPDATE tests SET state = 'COMPLETED', status = ?, duration = ? WHERE id = ? AND state = 'LAUNCHED'"
)
_PREPARE_AHEAD = 2


class Loop:
    """Runs all tests of a task."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._store = _new_store(task.tests)
        self._missing = [len(before) for before in task.upstream]
        self._behind: list[list[int]] = [[] for _ in task.tests]
        for index, before in enumerate(task.upstream):
            for one in before:
                self._behind[one].append(index)
        self._ready = deque(index for index, missing in enumerate(self._missing) if not missing)
        self._standing: deque[tuple[int, str]] = deque()
        self._running: dict[int, tuple[int, str, int]] = {}  # by pidfd: test, run directory, pid
        self._ended: list[tuple[str, float, int]] = []
        self._events = select.epoll()

    def run(self) -> None:
        """Run until nothing is left."""
        while self._ready or self._standing or self._running or self._ended:
            launching: list[tuple[int, str]] = []
            while len(self._running) + len(launching) < self._task.jobs and (self._standing or self._ready):
                launching.append(self._standing.popleft() if self._standing else self._prepared())
            self._commit(launching)
            for index, run_dir in launching:
                self._start(index, run_dir)
            while self._ready and len(self._standing) < _PREPARE_AHEAD:
                self._standing.append(self._prepared())
            if self._running:
                for descriptor, _ in self._events.poll():
                    self._hear_end(descriptor)

    def _prepared(self) -> tuple[int, str]:
        index = self._ready.popleft()
        return index, make_files(self._task, self._task.tests[index])

    def _commit(self, launching: list[tuple[int, str]]) -> None:
        if launching or self._ended:
            self._store.execute("BEGIN IMMEDIATE")
            self._store.executemany(_COMPLETED, self._ended)
            self._store.executemany(_LAUNCHED, [(run_dir, index) for index, run_dir in launching])
            self._store.execute("COMMIT")
            self._ended = []

    def _start(self, index: int, run_dir: str) -> None:
        log = f"{run_dir}/mt_launch.log"
        pid = os.posix_spawn(
            "/bin/sh",
            ["sh", f"{run_dir}/.megatest/job.sh"],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
        )
        descriptor = os.pidfd_open(pid)
        self._events.register(descriptor, select.EPOLLIN)
        self._running[descriptor] = index, run_dir, pid

    def _hear_end(self, descriptor: int) -> None:
        index, run_dir, pid = self._running.pop(descriptor)
        os.waitpid(pid, 0)
        self._events.unregister(descriptor)
        os.close(descriptor)
        with open(f"{run_dir}/.megatest/journal", "rb") as journal:
            records = [json.loads(line) for line in journal]
        started, ended = records[0], records[-1]
        if ended["code"] == 0:
            for behind in self._behind[index]:
                self._missing[behind] -= 1
                if not self._missing[behind]:
                    self._ready.append(behind)
        self._ended.append(("FAIL" if ended["code"] else "PASS", ended["up"] - started["up"], index))


def _new_store(tests: list[str]) -> sqlite3.Connection:
    store = sqlite3.connect("results.db", isolation_level=None)
    store.execute("PRAGMA journal_mode = WAL")
    store.execute("PRAGMA synchronous = NORMAL")
    columns = "id INTEGER PRIMARY KEY, name TEXT, state TEXT, status TEXT, run_dir TEXT, duration REAL"
    store.execute(f"CREATE TABLE tests ({columns})")
    store.execute("BEGIN")
    rows = [(index, name, "NOT_STARTED", "n/a", "", 0.0) for index, name in enumerate(tests)]
    store.executemany("INSERT INTO tests VALUES (?, ?, ?, ?, ?, ?)", rows)
    store.execute("COMMIT")
    return store


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        Loop(Task(**json.load(file))).run()
