"""One engine per run: frozen, dead, doubled and rebooted ones, as real processes."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from live_area import UNTIL_GO, LiveArea, live_area

from megatest.executors import process

CHAIN = {"a": (UNTIL_GO, ""), "b": ("", "[requirements]\nwaiton a\n")}


@pytest.fixture
def area(tmp_path: Path) -> Iterator[LiveArea]:
    with live_area(tmp_path / "area") as area:
        yield area


def dump(area: LiveArea) -> list[str]:
    """Return everything in the database."""
    with closing(sqlite3.connect(f"file:{area.home / 'megatest.db'}?mode=ro", uri=True)) as db:
        return list(db.iterdump())


def journal(area: LiveArea) -> bytes:
    return (area.home / "lt/linux/r/.run.journal").read_bytes()


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] == "T"


def freeze(area: LiveArea, pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    area.wait_for(lambda: is_stopped(pid), "it stands still")


def test_a_frozen_engine_is_relieved_and_writes_nothing_more_when_it_wakes(area: LiveArea) -> None:
    area.make(CHAIN)
    frozen = area.start()
    area.wait_until_ready("a")
    freeze(area, frozen.pid)
    second = area.start(MEGATEST_LEASE_PATIENCE_S="3")
    area.go()
    code, said = area.end(second)
    assert code == 0, said
    assert area.starts() == ["a 1", "b 1"]
    database, log = dump(area), journal(area)
    frozen.send_signal(signal.SIGCONT)
    code, said = area.end(frozen)
    assert code == 3, said
    assert "another engine took run r over from this one" in said
    assert dump(area) == database
    assert journal(area).removeprefix(log) == b""
    assert area.starts() == ["a 1", "b 1"]


def test_an_engine_that_renews_its_lease_is_not_relieved_however_long_it_is_busy(area: LiveArea) -> None:
    area.make(CHAIN)
    first = area.start()
    area.wait_until_ready("a")
    second = area.start(MEGATEST_LEASE_PATIENCE_S="12")
    line = second.stdout.readline() if second.stdout else ""
    assert f"held by process {first.pid}" in line
    area.go()
    assert area.end(first)[0] == 0
    code, said = area.end(second)
    assert code == 0, said
    assert area.starts() == ["a 1", "b 1"]


def test_two_engines_started_together_launch_nothing_twice(area: LiveArea) -> None:
    area.make({f"t{number}": ("", "") for number in range(20)})
    engines = [area.start() for _ in range(4)]
    for engine in engines:
        code, said = area.end(engine)
        assert code == 0, said
    assert area.starts() == sorted(f"t{number} 1" for number in range(20))


def test_a_command_that_watched_an_engine_die_goes_on_in_its_place(area: LiveArea) -> None:
    area.make(CHAIN)
    first = area.start()
    area.wait_until_ready("a")
    second = area.start()
    line = second.stdout.readline() if second.stdout else ""
    assert "held by" in line
    # The first may or may not have taken the second's request: whichever, nothing is forgotten.
    area.wait_for(lambda: requests(area) == 0, "the request is taken")
    area.kill_engine(first)
    area.go()
    code, said = area.end(second)
    assert code == 0, said
    assert area.starts() == ["a 1", "b 1"]


def requests(area: LiveArea) -> int:
    with closing(sqlite3.connect(f"file:{area.home / 'megatest.db'}?mode=ro", uri=True)) as db:
        return int(db.execute("SELECT count(*) FROM requests").fetchone()[0])


def rewrite_start(area: LiveArea, test: str, **fields: object) -> None:
    """Make the first record of a test's journal say something else."""
    path = area.run_dir(test) / ".megatest/journal"
    first, *rest = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text(json.dumps({**json.loads(first), **fields}, separators=(",", ":")) + "\n" + "".join(rest))


def living_process() -> process.Process:
    me = process.look_up(os.getpid())
    assert me is not None
    return me


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(
            {
                "pid": os.getpid(),
                "pid_started": living_process().started,
                "boot_id": "00000000-0000-0000-0000-000000000000",
            },
            id="after a reboot",
        ),
        pytest.param({"pid": os.getpid(), "pid_started": 1}, id="a reused pid"),
    ],
)
def test_who_is_not_the_process_that_was_started_is_not_adopted(
    fields: dict[str, object], area: LiveArea
) -> None:
    area.make(CHAIN)
    engine = area.start()
    area.wait_until_ready("a")
    area.kill_engine(engine)
    area.kill_jobs()
    rewrite_start(area, "a", **fields)
    assert "INCOMPLETE" in area.listed("a")
    area.go()
    code, said = area.run()
    assert code == 0, said
    assert area.starts() == ["a 1", "a 2", "b 1"]


def test_an_engine_of_before_the_reboot_holds_nothing(area: LiveArea) -> None:
    area.make(CHAIN)
    engine = area.start()
    area.wait_until_ready("a")
    area.kill_engine(engine)
    me = living_process()
    with closing(sqlite3.connect(area.home / "megatest.db")) as db, db:
        db.execute("UPDATE leases SET pid = ?, pid_started = ?, boot_id = 'another'", (me.pid, me.started))
    area.go()
    code, said = area.run()
    assert code == 0, said
    assert "held by" not in said
    assert area.starts() == ["a 1", "b 1"]


def test_a_late_start_of_an_attempt_that_was_taken_back_does_nothing(area: LiveArea) -> None:
    """An engine frozen between its commit and the start: its place has been taken when it goes on."""
    area.make({"t": (UNTIL_GO, "")})
    killed = area.start(MEGATEST_FAILPOINT="spawn before:1")
    assert area.end(killed)[0] == -signal.SIGKILL
    engine = area.start()
    area.wait_until_ready()
    script = area.run_dir() / ".megatest/job.sh"
    name = job_name(area).removesuffix("-2") + "-1"
    late = os.spawnve(os.P_WAIT, "/bin/sh", ["sh", str(script)], {**os.environ, "MT_JOB": name})
    assert late == 75
    area.go()
    assert area.end(engine)[0] == 0
    assert area.starts() == ["t 2"]


def test_a_late_start_in_the_place_of_an_attempt_that_has_not_begun_does_not_begin_it(
    area: LiveArea,
) -> None:
    area.make({"t": ("", "")})
    killed = area.start(MEGATEST_FAILPOINT="spawn before:1")
    assert area.end(killed)[0] == -signal.SIGKILL
    script = area.run_dir() / ".megatest/job.sh"
    other = {**os.environ, "MT_JOB": "mt00000000-1-7"}
    assert os.spawnve(os.P_WAIT, "/bin/sh", ["sh", str(script)], other) == 75
    assert not (area.run_dir() / ".megatest/journal").exists()
    assert area.run()[0] == 0
    assert area.starts() == ["t 2"]


def job_name(area: LiveArea) -> str:
    for pid in area.jobs():
        for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            if entry.startswith(b"MT_JOB="):
                return entry[7:].decode()
    raise AssertionError("no job runs")


def test_an_engine_whose_database_is_lost_ends_and_what_runs_is_adopted_after_a_rebuild(
    area: LiveArea,
) -> None:
    area.make(CHAIN)
    engine = area.start()
    area.wait_until_ready("a")
    refused = area.megatest("rebuild")
    assert refused.returncode == 3
    assert f"run linux/r is held by process {engine.pid} on " in refused.stderr
    for path in area.home.glob("megatest.db*"):
        path.unlink()
    code, said = area.end(engine)
    assert code == 3, said
    assert "was removed or emptied while it was in use" in said
    assert "megatest rebuild" in said
    assert area.jobs()
    assert area.megatest("rebuild").returncode == 0
    second = area.start()
    area.go()
    code, said = area.end(second)
    assert code == 0, said
    assert area.starts() == ["a 1", "b 1"]
