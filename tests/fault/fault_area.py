"""An area whose runs are killed, and what has to be true afterwards.

Each test's script appends one line to a file outside of the run directories, so that every start
of every attempt is counted by somebody who cannot be talked out of it.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from fault_stable import Ended, Stable

from megatest.app.wiring import SystemClock
from megatest.executors import process
from megatest.model.record import StepRecord, TestRecord
from megatest.model.spec import Field
from megatest.model.status import ACTIVE, legal_change
from megatest.store.sqlite import open_store
from megatest.workarea.marker import owner_at
from megatest.workarea.runlog import read_run_log

CONFIG = """\
[fields]
SYSTEM TEXT

[pools]
board 1

[setup]
target linux
linktree #{getenv MT_RUN_AREA_HOME}/lt
keep-attempts 1
max_concurrent_jobs 1
kill-grace 1
"""

SCRIPT = """\
#!/bin/sh
{ read -r line; read -r line; } < .megatest/job.sh
echo "$MT_TEST_NAME/$MT_ITEMPATH $line" >> "$MT_RUN_AREA_HOME/../starts"
"""

TESTS: Mapping[str, tuple[str, str]] = {
    "a": ("", ""),
    "b": ("[requirements]\nwaiton a\nboard 1\n", ""),
    "t": ("[items]\nI x y\n", ""),
    "u": ("[requirements]\nwaiton t\nmode itemmatch\n[items]\nI x y\n", ""),
    "f": ("", "exit 3\n"),
    "g": ("[requirements]\nwaiton f\n", ""),
    "s": ("[requirements]\nwaiton a\n[ezsteps]\none echo 1\ntwo echo 2\n", ""),
}
"""By name: the testconfig below its script, what the script does at last."""

DEADLINE_S = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultArea:
    """An area at a fixed path, which can be put back to how it was.

    Attributes:
        room: a directory for it and all that belongs to it.
        stable: runs its commands.
    """

    room: Path
    stable: Stable

    @property
    def home(self) -> Path:
        """Where the area is."""
        return self.room / "area"

    @property
    def starts(self) -> Path:
        """The file that counts starts."""
        return self.room / "starts"

    def make(self, tests: Mapping[str, tuple[str, str]] = TESTS, config: str = CONFIG) -> None:
        """Make the area's files."""
        self.home.mkdir()
        (self.home / "megatest.config").write_text(config, "utf-8")
        (self.home / "runconfigs.config").write_text("[default]\n[linux]\n", "utf-8")
        for name, (testconfig, last) in tests.items():
            directory = self.home / "tests" / name
            directory.mkdir(parents=True)
            (directory / "testconfig").write_text(f"[setup]\nrunscript main.sh\n{testconfig}", "utf-8")
            script = directory / "main.sh"
            script.write_text(SCRIPT + last, "utf-8")
            script.chmod(0o755)

    # -- putting it back ------------------------------------------------------------------------

    def keep(self, name: str) -> None:
        """Remember how everything is now."""
        shutil.rmtree(self.room / name, ignore_errors=True)
        (self.room / name).mkdir()
        shutil.copytree(self.home, self.room / name / "area", symlinks=True)
        if self.starts.exists():
            shutil.copy(self.starts, self.room / name / "starts")

    def put_back(self, name: str) -> None:
        """Make everything as it was; paths stay the same, so databases and markers stay true."""
        shutil.rmtree(self.home)
        self.starts.unlink(missing_ok=True)
        shutil.copytree(self.room / name / "area", self.home, symlinks=True)
        if (self.room / name / "starts").exists():
            shutil.copy(self.room / name / "starts", self.starts)

    # -- commands -------------------------------------------------------------------------------

    def megatest(self, *words: str, **more: str) -> Ended:
        """Run a command in this area to its end."""
        return self.stable.run([words[0], "--area", str(self.home), *words[1:]], self._environ(more))

    def killed_after(self, seconds: float, *words: str) -> Ended:
        """Run a command in this area, and end it by SIGKILL if it has not ended by then."""
        argv = [words[0], "--area", str(self.home), *words[1:]]
        return self.stable.run(argv, self._environ({}), kill_after_s=seconds)

    def _environ(self, more: Mapping[str, str]) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.room), "USER": "tester", **more}

    def reached(self, *words: str) -> list[str]:
        """Run a command undisturbed; return the fail points that it comes to, as ``name:n``."""
        log = self.room / "reached"
        log.unlink(missing_ok=True)
        done = self.megatest(*words, MEGATEST_FAILPOINT_LOG=str(log))
        assert done.code in (0, 1), done.said
        return log.read_text("utf-8").splitlines()

    # -- what the world says --------------------------------------------------------------------

    def started(self) -> Counter[str]:
        """Return how often each attempt of each test was started, as ``test/item row attempt``."""
        if not self.starts.exists():
            return Counter()
        lines = self.starts.read_text("utf-8").splitlines()
        return Counter(line.replace("# megatest job 1: ", "") for line in lines)

    def starts_of(self, test: str) -> int:
        """Return how often a test was started in all its attempts."""
        return sum(count for line, count in self.started().items() if line.startswith(f"{test} "))

    def records(self) -> list[TestRecord]:
        """Return every test of every run, as the database has it."""
        return self._read()[0]

    def _read(self) -> tuple[list[TestRecord], dict[int, list[StepRecord]]]:
        path = str(self.home / "megatest.db")
        fields = (Field(name="SYSTEM"),)
        store = open_store(path, fields, create=False, read_only=True, clock=SystemClock())
        try:
            tests = [test for run in store.runs(None) for test in store.tests(run.id)]
            return tests, {test.id: list(store.steps(test.id)) for test in tests}
        finally:
            store.close()

    def results(self) -> dict[str, str]:
        """Return ``STATE/STATUS`` of each test and item."""
        return {str(t.test_id): f"{t.state}/{t.status}" for t in self.records()}

    def processes(self) -> list[str]:
        """Return what still lives of this area's jobs."""
        mark = f"MT_RUN_AREA_HOME={self.home}".encode()
        alive = []
        for each in process.all_processes():
            try:
                environ = Path(f"/proc/{each.pid}/environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if not each.zombie and (mark in environ or self._is_job(environ)):
                alive.append(f"{each.pid} {each.name}")
        return alive

    def _is_job(self, environ: list[bytes]) -> bool:
        home = f"HOME={self.room}".encode()
        return home in environ and any(entry.startswith(b"MT_JOB=") for entry in environ)

    # -- what has to be true --------------------------------------------------------------------

    def check(self, expected: Mapping[str, str]) -> None:
        """Assert everything that must be true when a run has come to its end at last."""
        assert self.results() == expected
        self.check_starts()
        self.check_histories()
        self.check_that_the_database_is_an_index()
        self.check_directories()
        self.check_that_nothing_lives()

    def check_starts(self) -> None:
        """No attempt was started twice."""
        assert [line for line, count in self.started().items() if count > 1] == []

    def check_directories(self) -> None:
        """What is on record of an attempt is found in its place, by its path and through the link tree."""
        for test in self.records():
            if test.attempt and not test.is_parent:
                owner = owner_at(test.shortdir)
                assert owner is not None, f"{test.test_id}: nothing is in {test.shortdir}"
                assert owner.attempt == test.attempt, test.test_id
                assert os.path.realpath(test.rundir) == test.shortdir

    def check_histories(self) -> None:
        """Every state follows legally from the one before, in the journal of each run."""
        for path in self.home.glob("lt/*/*/.run.journal"):
            for row, states in _histories(path).items():
                wrong = [f"{a} -> {b}" for a, b in pairwise(states) if not legal_change(a, b)]
                assert wrong == [], f"row {row}: {' '.join(states)}"

    def check_that_the_database_is_an_index(self) -> None:
        """What the runs' own journals say is what the database says."""
        tests, steps = self._read()
        told: dict[int, TestRecord] = {}
        told_steps: dict[int, list[StepRecord]] = {}
        for path in self.home.glob("lt/*/*/.run.journal"):
            history = read_run_log(str(path))
            told |= history.tests
            told_steps |= {row: list(of_row.values()) for row, of_row in history.steps.items()}
        assert {test.id: replace(test, flaky=False) for test in tests} == told
        assert {row: s for row, s in steps.items() if s} == {row: s for row, s in told_steps.items() if s}

    def check_that_nothing_lives(self) -> None:
        """No process of a job is left."""
        deadline = time.monotonic() + DEADLINE_S
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert self.processes() == []

    def wait_until_at_rest(self) -> None:
        """Wait until what was started has ended by itself."""
        self.check_that_nothing_lives()

    def under_way(self) -> list[str]:
        """Return the tests that the database takes for running."""
        return [str(test.test_id) for test in self.records() if test.state in ACTIVE and not test.is_parent]


def _histories(path: Path) -> dict[int, list[str]]:
    """Return the states of each row, parents left out, in the order in which a run's journal has them."""
    states: dict[int, list[str]] = {}
    parents: set[int] = set()
    token = 0
    for line in path.read_text("utf-8").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        for row in record["rows"] if record["k"] == "rows" else ():
            states.setdefault(row[0], ["NOT_STARTED"])
            if row[3]:
                parents.add(row[0])
        if record["k"] != "changes" or record["token"] < token:
            continue
        token = record["token"]
        for change in record["changes"]:
            if change[0] == "test" and "state" in change[2]:
                states.setdefault(change[1], ["NOT_STARTED"]).append(change[2]["state"])
    return {row: of_row for row, of_row in states.items() if row not in parents}
