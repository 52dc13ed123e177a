"""Runs through real batch systems: Slurm and Grid Engine, from the command line to the last record."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from live_area import UNTIL_GO, LiveArea, live_area

from services.service import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A batch system as its user sees it.

    Attributes:
        name: of the executor.
        service: script and ports that start it.
        hold: its option for jobs that wait until somebody lets them go.
        release: the command that does, without the job id.
        queue: the command that lists what is in the queue.
        cancel_all: the command that empties it.
        crowd: so many tests go through it in some twenty seconds.
    """

    name: str
    service: tuple[str, int]
    hold: str
    release: tuple[str, ...]
    queue: tuple[str, ...]
    cancel_all: tuple[str, ...]
    crowd: int


SLURM = System(
    name="slurm",
    service=("slurm-up", 4),
    hold="--hold",
    release=("scontrol", "release"),
    queue=("squeue", "--noheader", "--array"),
    cancel_all=("scancel", "--user=root"),
    crowd=500,
)
GRID_ENGINE = System(
    name="gridengine",
    service=("sge-up", 2),
    hold="-h",
    release=("qrls",),
    queue=("qstat", "-g", "d"),
    cancel_all=("qdel", "-u", "root"),
    crowd=100,
)

CONFIG = """\
[fields]
SYSTEM TEXT

[setup]
target linux
linktree #{{getenv MT_RUN_AREA_HOME}}/lt
kill-grace 0.5

[jobtools]
flexi-launcher yes

[launchers]
held  held
%     queue

[host-types]
held   executor:held
queue  executor:{name}

[executor {name}]
patience 5

[executor held]
type      {name}
options   {hold}
patience  5
"""


class BatchArea:
    """An area whose tests go to a batch system; the test ``held`` waits there to be let go."""

    def __init__(self, area: LiveArea, system: System, environ: Mapping[str, str]) -> None:
        self.live = area
        self.system = system
        self._environ = environ

    def make(self, tests: Mapping[str, tuple[str, str]]) -> None:
        """Make the area; see `LiveArea.make`."""
        self.live.make(tests, CONFIG.format(name=self.system.name, hold=self.system.hold))

    def ask(self, words: Sequence[str]) -> str:
        """Run a command of the batch system."""
        done = subprocess.run(words, env=dict(self._environ), capture_output=True, text=True, timeout=60)
        return done.stdout

    def is_queue_empty(self) -> bool:
        """Return whether nothing is left in the queue."""
        return not self.ask(self.system.queue).strip()

    def in_queue(self) -> int:
        """Return how many rows the queue has."""
        return len(self.ask(self.system.queue).splitlines())

    def column(self, name: str, test: str = "%") -> list[str]:
        """Return a column of the tests' records."""
        with closing(sqlite3.connect(self.live.home / "megatest.db", timeout=30)) as database:
            query = f"select {name} from tests where testname like ? order by id"
            return [str(value) for (value,) in database.execute(query, (test,))]

    def outcomes(self) -> dict[str, str]:
        """Return state and status of each test and item."""
        names = self.column("testname || case item_path when '' then '' else '/' || item_path end")
        return dict(zip(names, self.column("state || '/' || status"), strict=True))

    def wait_until_submitted(self, test: str) -> str:
        """Wait until a test has a handle; return its job id."""
        self.live.wait_for(lambda: "" not in (self.column("handle", test) or [""]), f"{test} has a handle")
        return self.column("handle", test)[0].partition(":")[2].rpartition("/")[0].rpartition("_")[0]


@pytest.fixture(params=[SLURM, GRID_ENGINE], ids=lambda system: system.name)
def area(request: pytest.FixtureRequest, services: Services, tmp_path: Path) -> Iterator[BatchArea]:
    system: System = request.param
    environ = services(*system.service)
    with live_area(tmp_path / "area", environ) as live:
        batch = BatchArea(live, system, environ)
        yield batch
        if not batch.is_queue_empty():
            batch.ask(system.cancel_all)


def test_items_and_prerequisites_run_through_the_queue(area: BatchArea) -> None:
    area.make(
        {
            "first": ('echo "${GREETING:-nobody}" > said', ""),
            "many": ('[ "$N" != 2 ] || exit 2', "[requirements]\nwaiton first\n\n[items]\nN 1 2 3\n"),
            "bad": ("echo broken >&2; exit 3", ""),
            "behind": ("exit 0", "[requirements]\nwaiton bad\n"),
        }
    )
    code, said = area.live.run()
    assert code == 1, said
    assert area.outcomes() == {
        "first": "COMPLETED/PASS",
        "many": "COMPLETED/FAIL",
        "many/1": "COMPLETED/PASS",
        "many/2": "COMPLETED/FAIL",
        "many/3": "COMPLETED/PASS",
        "bad": "COMPLETED/FAIL",
        "behind": "NOT_STARTED/PREQ_FAIL",
    }
    assert Counter(area.live.starts()) == Counter({"first 1": 1, "many 1": 3, "bad 1": 1})
    assert "broken" in area.live.megatest("log", "bad").stdout
    assert set(area.column("executor", "first")) == {area.system.name}
    area.live.wait_for(area.is_queue_empty, "the queue is empty")
    code, said = area.live.run()
    assert (code, area.live.starts().count("bad 2")) == (1, 1), said
    assert "many 2" in area.live.starts()
    assert "first 2" not in area.live.starts()


def test_kill_reaches_what_runs_and_what_waits_in_the_queue(area: BatchArea) -> None:
    area.make({"t": (UNTIL_GO, ""), "held": ("exit 0", "")})
    engine = area.live.start()
    area.live.wait_until_ready()
    area.wait_until_submitted("held")
    done = area.live.megatest("kill", "%")
    assert done.returncode == 0, done.stderr
    assert {"killed t", "killed held"} <= set(done.stdout.splitlines())
    code, said = area.live.end(engine)
    assert code == 1, said
    assert area.outcomes() == {"t": "KILLED/FAIL", "held": "KILLED/FAIL"}
    assert area.live.starts() == ["t 1"]
    assert not area.live.jobs()
    area.live.wait_for(area.is_queue_empty, "the queue is empty")


def test_a_second_interrupt_ends_what_runs_and_what_waits_in_the_queue(area: BatchArea) -> None:
    area.make(
        {"t": (UNTIL_GO, ""), "held": ("exit 0", ""), "behind": ("exit 0", "[requirements]\nwaiton t\n")}
    )
    engine = area.live.start()
    area.live.wait_until_ready()
    area.wait_until_submitted("held")
    engine.send_signal(signal.SIGINT)
    assert engine.stdout is not None
    heard = iter(engine.stdout.readline, "")
    assert any("starting nothing more" in line for line in heard)
    engine.send_signal(signal.SIGINT)
    code, said = area.live.end(engine)
    assert code == 130, said
    assert area.outcomes() == {"t": "KILLED/FAIL", "held": "KILLED/FAIL", "behind": "NOT_STARTED/PREQ_FAIL"}
    assert not area.live.jobs()
    area.live.wait_for(area.is_queue_empty, "the queue is empty")


def test_a_test_that_runs_for_too_long_is_ended_with_the_limit_as_the_reason(area: BatchArea) -> None:
    area.make({"t": (UNTIL_GO, "[requirements]\nruntimelim 1s\n")})
    code, said = area.live.run()
    assert code == 1, said
    assert area.outcomes() == {"t": "KILLED/FAIL"}
    assert "ran longer than its limit of 1 s" in area.column("comment")[0]
    area.live.wait_for(area.is_queue_empty, "the queue is empty")


def test_a_killed_engine_loses_neither_what_runs_nor_what_waits_nor_its_place(area: BatchArea) -> None:
    area.make(
        {"t": (UNTIL_GO, ""), "held": ("exit 0", ""), "behind": ("exit 0", "[requirements]\nwaiton t\n")}
    )
    engine = area.live.start()
    area.live.wait_until_ready()
    job_id = area.wait_until_submitted("held")
    area.live.kill_engine(engine)
    assert area.live.megatest("list").returncode == 0
    engine = area.live.start()
    assert engine.stdout is not None
    area.live.go()
    area.ask([*area.system.release, job_id])
    code, said = area.live.end(engine)
    assert code == 0, said
    assert area.live.starts() == ["behind 1", "held 1", "t 1"]
    assert set(area.outcomes().values()) == {"COMPLETED/PASS"}
    area.live.wait_for(area.is_queue_empty, "the queue is empty")


def test_kill_without_an_engine_empties_the_queue(area: BatchArea) -> None:
    area.make({"t": (UNTIL_GO, ""), "held": ("exit 0", "")})
    engine = area.live.start()
    area.live.wait_until_ready()
    area.wait_until_submitted("held")
    area.live.kill_engine(engine)
    done = area.live.megatest("kill", "%")
    assert done.returncode == 0, done.stderr
    assert area.outcomes() == {"t": "KILLED/FAIL", "held": "KILLED/FAIL"}
    assert not area.live.jobs()
    area.live.wait_for(area.is_queue_empty, "the queue is empty")


def test_rm_takes_tests_out_of_the_queue_first(area: BatchArea) -> None:
    area.make({"t": (UNTIL_GO, ""), "held": ("exit 0", "")})
    engine = area.live.start()
    area.live.wait_until_ready()
    area.wait_until_submitted("held")
    done = area.live.megatest("rm", "%", "-y")
    assert done.returncode == 0, done.stderr
    area.live.end(engine)
    assert not area.live.run_dir().exists()
    assert area.column("testname") == []
    assert not area.live.jobs()
    area.live.wait_for(area.is_queue_empty, "the queue is empty")


def test_a_crowd_in_the_queue_outlives_the_engine_and_each_runs_once(area: BatchArea) -> None:
    count = area.system.crowd
    items = " ".join(str(n) for n in range(count))
    until_go = 'while [ ! -e "$MT_RUN_AREA_HOME/go" ]; do sleep 0.2; done'
    area.make({"many": (until_go, f"[items]\nN {items}\n")})
    engine = area.live.start()
    area.live.wait_for(lambda: area.in_queue() >= count, "all are in the queue")
    area.live.kill_engine(engine)
    area.live.go()
    code, said = area.live.end(area.live.start())
    assert code == 0, said
    assert area.live.starts() == ["many 1"] * count
    assert Counter(area.column("state || '/' || status")) == {"COMPLETED/PASS": count + 1}
