"""Old runs, times, and the original's upkeep of an area's records."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from area_kit import TARGET, W1, AreaKit, make_area, suite, wait_for_file

DAY_S = 86_400


@pytest.fixture
def area(tmp_path: Path) -> AreaKit:
    """An area with four runs of one target, a day apart, and one of another, all long ago."""
    kit = make_area(tmp_path / "area")
    kit.add_test("ok")
    for name in ("w1", "w2", "w3", "w4"):
        kit.good("run", "ok", "-q", "-t", "ubuntu/nfs", "-n", name)
    kit.good("run", "ok", "-q", "-t", "suse/nfs", "-n", "w1")
    with closing(sqlite3.connect(kit.home / "megatest.db")) as db, db:
        db.execute(f"UPDATE runs SET event_time = event_time - (10 - id) * {DAY_S}")
    return kit


def runs(kit: AreaKit) -> list[str]:
    return sorted(f"{run['target']}/{run['run']}" for run in json.loads(kit.good("list", "--runs", "--json")))


def test_rm_keeps_the_newest_runs_of_each_target(area: AreaKit) -> None:
    told = area.good("rm", "%", "--keep", "2", "--dry-run")
    assert re.findall("would remove (.*w.)$", told, re.M) == ["ubuntu/nfs/w1", "ubuntu/nfs/w2"]
    area.good("rm", "%", "--keep", "2", "-y")
    assert runs(area) == ["suse/nfs/w1", "ubuntu/nfs/w3", "ubuntu/nfs/w4"]
    again = area.megatest("rm", "%", "--keep", "2", "-y")
    assert (again.code, again.err) == (0, "no run is old enough to go\n")
    assert json.loads(area.good("rm", "%", "--keep", "2", "--json")) == {"removed": [], "kept": []}
    assert "no run matches 'wx'" in area.megatest("rm", "%", "--keep", "2", "-n", "wx", "-y").err


def test_rm_leaves_young_runs_alone(area: AreaKit) -> None:
    area.good("rm", "%", "--older-than", "7d 12h", "-y")
    assert runs(area) == ["suse/nfs/w1", "ubuntu/nfs/w3", "ubuntu/nfs/w4"]
    area.good("rm", "%", "--keep", "1", "--older-than", "6d", "-n", "w3", "-y")
    assert "ubuntu/nfs/w3" in runs(area)  # the newest of those that -n means


@pytest.mark.parametrize("time", ["", "long", "90.5d", "-3d", "90d foo", "5d 3", "7"])
def test_what_is_no_time_removes_nothing(area: AreaKit, time: str) -> None:
    done = area.megatest("rm", "%", f"--older-than={time}", "-y")
    assert done.code == 2
    assert f"--older-than: {time!r} is no time; write words like 30d, 12h, 10m" in done.err
    assert area.megatest("-remove-keep", "1", "-age", time, "-actions", "remove-runs").code == 2
    assert len(runs(area)) == 5


def test_a_pattern_that_matches_no_old_test_is_told(area: AreaKit) -> None:
    done = area.megatest("rm", "okay", "--keep", "1", "-y")
    assert (done.code, done.err) == (0, "warning: no test of 3 old runs matches 'okay'\n")
    assert len(runs(area)) == 5


def test_a_locked_run_is_never_too_old(area: AreaKit) -> None:
    area.good("lock", "-t", "ubuntu/nfs", "-n", "w1")
    assert "w1" not in area.good("-remove-keep", "1")
    area.good("rm", "%", "--keep", "1", "-y")
    assert runs(area) == ["suse/nfs/w1", "ubuntu/nfs/w1", "ubuntu/nfs/w4"]


def test_remove_keep_heeds_which_tests_are_meant_and_may_keep_records(area: AreaKit) -> None:
    words = ("-remove-keep", "3", "-actions", "remove-runs")
    area.good(*words, "-testpatt", "nothing")
    assert len(runs(area)) == 5
    area.good(*words, "-testpatt", "ok", "-keep-records")
    assert "NOT_STARTED" in area.good("list", "-t", "ubuntu/nfs", "-n", "w1")


def test_what_only_looks_makes_no_database(tmp_path: Path) -> None:
    kit = make_area(tmp_path / "area")
    kit.add_test("ok")
    for words in (("-remove-keep", "1"), ("-mark-incompletes",), ("-list-run-time",)):
        assert kit.good(*words) == ""
    for words in (("-rebuild-db",), ("-cleanup-db",)):
        assert "nothing has run in this area yet" in kit.megatest(*words).err
    assert not (kit.home / "megatest.db").exists()


def test_a_run_that_is_being_executed_is_never_too_old(area: AreaKit) -> None:
    area.add_test("told", "touch begun; while [ ! -e enough ]; do sleep 0.1; done")
    engine = area.start("run", "told", "-t", "ubuntu/nfs", "-n", "w1")
    wait_for_file(area.home / "runs/ubuntu/nfs/w1/told/begun")
    done = area.megatest("rm", "%", "--keep", "1", "-t", "ubuntu/nfs", "-y")
    (area.home / "runs/ubuntu/nfs/w1/told/enough").touch()
    engine.communicate(timeout=60)
    assert done.code == 1, done.said
    assert "warning: ubuntu/nfs/w1 stays: it is being executed" in done.err
    assert engine.returncode == 0
    assert runs(area) == ["suse/nfs/w1", "ubuntu/nfs/w1", "ubuntu/nfs/w4"]


def test_a_test_that_lives_without_an_engine_keeps_its_run(area: AreaKit) -> None:
    area.add_test("told", "touch begun; while [ ! -e enough ]; do sleep 0.1; done")
    engine = area.start("run", "told", "-t", "ubuntu/nfs", "-n", "w1")
    wait_for_file(area.home / "runs/ubuntu/nfs/w1/told/begun")
    engine.kill()
    engine.communicate(timeout=60)
    for words in (("--older-than", "1d"), ("--keep-results", "-t", "ubuntu/nfs", "-n", "w1")):
        done = area.megatest("rm", "%", *words, "-y")
        assert "warning: ubuntu/nfs/w1 stays: told still runs (RUNNING)" in done.err
    (area.home / "runs/ubuntu/nfs/w1/told/enough").touch()
    area.good("wait", "-t", "ubuntu/nfs", "-n", "w1")
    assert "PASS" in area.good("list", "told", "-t", "ubuntu/nfs", "-n", "w1")


def test_what_died_with_its_engine_does_not_hold_its_directory(area: AreaKit) -> None:
    area.add_test(
        "told", "echo $$ > begun.new; mv begun.new begun; while [ ! -e enough ]; do sleep 0.1; done"
    )
    engine = area.start("run", "told", "-t", "ubuntu/nfs", "-n", "w1")
    begun = area.home / "runs/ubuntu/nfs/w1/told/begun"
    wait_for_file(begun)
    engine.kill()
    engine.communicate(timeout=60)
    end_job(begun)
    out = area.good("rm", "told", "--keep-results", "-t", "ubuntu/nfs", "-n", "w1", "-y")
    assert "removed ubuntu/nfs/w1/told\n" in out
    assert "INCOMPLETE" in area.good("list", "told", "-t", "ubuntu/nfs", "-n", "w1")


def end_job(begun: Path) -> None:
    """Kill a test's script, whose pid it wrote into a file, and the job script above it."""
    script = int(begun.read_text())
    job = int(Path(f"/proc/{script}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(job, signal.SIGKILL)
    os.kill(script, signal.SIGKILL)


def test_directories_can_go_while_results_stay(tmp_path: Path) -> None:
    kit = suite(tmp_path / "area")
    kit.megatest("run", "%", "-t", "ubuntu/nfs", "-n", "w1")
    before = kit.good("list")
    assert "would remove ubuntu/nfs/w1/items/red\n" in kit.good("rm", "%", "--keep-results", "--dry-run")
    out = kit.good("rm", "%", "--keep-results", "-y")
    assert "removed ubuntu/nfs/w1/items/red\n" in out
    assert "removed ubuntu/nfs/w1\n" not in out
    assert list((kit.home / "runs").iterdir()) == []
    assert kit.good("list") == before
    assert "the run directory of ok was removed, and its log with it" in kit.megatest("log", "ok").err
    assert "directory   removed; the result stays" in kit.good("show", "ok")
    assert kit.good("rm", "%", "--keep-results", "-y") == ""
    assert kit.good("run", "ok,items", "--dry-run", "-t", "ubuntu/nfs", "-n", "w1") == "nothing to run\n"
    (kit.home / "megatest.db").unlink()
    kit.good("rebuild")
    assert kit.good("list") == before
    kit.good("run", "ok", "--rerun-all", "-t", "ubuntu/nfs", "-n", "w1")
    assert (kit.home / "runs/ubuntu/nfs/w1/ok/said").exists()


def test_what_is_being_executed_keeps_its_directory(tmp_path: Path) -> None:
    kit = make_area(tmp_path / "area")
    kit.add_test("told", "touch begun; while [ ! -e enough ]; do sleep 0.1; done")
    engine = kit.start("run", "told", "-t", "ubuntu/nfs", "-n", "w1")
    wait_for_file(kit.home / "runs/ubuntu/nfs/w1/told/begun")
    done = kit.megatest("rm", "%", "--keep-results", "-y")
    (kit.home / "runs/ubuntu/nfs/w1/told/enough").touch()
    engine.communicate(timeout=60)
    assert done.code == 1
    assert "warning: ubuntu/nfs/w1 stays: it is being executed" in done.err
    assert engine.returncode == 0


def test_results_cannot_both_stay_and_go(area: AreaKit) -> None:
    done = area.megatest("rm", "%", "--keep-results", "--keep-records", "-y")
    assert done.code == 2
    assert "--keep-results: says that the results stay, --keep-records that they go" in done.err


def test_remove_keep_only_prints_unless_it_is_told_to_remove(area: AreaKit) -> None:
    out = area.good("-remove-keep", "3")
    assert re.fullmatch(r"ubuntu/nfs:\n w1 WW\d\d\.\d \d\d:\d\d:\d\d REMOVE\n", out), out
    assert len(runs(area)) == 5
    assert area.good("-remove-keep", "1", "-age", "100d") == ""
    out = area.good("-remove-keep", "1", *TARGET, "-runname", "w%", "-actions", "print,remove-runs")
    assert out.count("REMOVE") == 3
    assert "removed ubuntu/nfs/w1\n" in out
    assert runs(area) == ["suse/nfs/w1", "ubuntu/nfs/w4"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-remove-keep", "some"), "-remove-keep 'some' is no whole number"),
        (("-remove-keep", "1", "-age", "long"), "-age 'long' is no time"),
        (("-remove-keep", "1", "-actions", "archive"), "-actions 'archive' is not known here"),
    ],
)
def test_remove_keep_tells_what_is_wrong(area: AreaKit, words: tuple[str, ...], said: str) -> None:
    done = area.megatest(*words)
    assert done.code == 2
    assert said in done.err
    assert len(runs(area)) == 5


def test_times_of_runs_and_tests_are_listed(tmp_path: Path) -> None:
    kit = suite(tmp_path / "area")
    assert kit.good("-list-run-time") == ""
    kit.good("-runtests", "ok,items", *W1)
    (line,) = kit.good("-list-run-time").splitlines()
    assert line.startswith("ubuntu/nfs/w1  ")
    assert kit.good("-list-run-time", "-run-patt", "x%") == ""
    assert (
        json.loads(kit.good("-list-run-time", "-target-patt", "ubuntu/%", "-dumpmode", "json"))[0]["runname"]
        == "w1"
    )
    rows = kit.good("-list-test-time", *TARGET, "-runname", "w%", "-dumpmode", "csv").splitlines()
    assert {row.split(",")[2] for row in rows[1:]} == {"ok", "items/red", "items/green"}
    kit.good("set", "ok", "--status", "WARN", "--reason", "look")
    times = json.loads(kit.good("-list-test-time", *TARGET, "-runname", "w1", "-dumpmode", "json"))
    assert [time["test"] for time in times if time["began"] is None] == ["ok"]


def test_mark_incompletes_says_what_became_of_what_nobody_looks_after(tmp_path: Path) -> None:
    kit = make_area(tmp_path / "area")
    kit.add_test("told", "echo $$ > begun.new; mv begun.new begun; while [ ! -e enough ]; do sleep 0.1; done")
    engine = kit.start("run", "told", "-t", "ubuntu/nfs", "-n", "w1")
    begun = kit.home / "runs/ubuntu/nfs/w1/told/begun"
    wait_for_file(begun)
    engine.kill()
    engine.communicate(timeout=60)
    assert kit.good("-mark-incompletes") == ""  # it lives
    end_job(begun)
    out = kit.good("-mark-incompletes", *TARGET)
    assert out == "ubuntu/nfs/w1/told INCOMPLETE: Test is stuck or dead\n"
    assert kit.good("-mark-incompletes") == ""


def test_an_old_database_is_brought_up_to_date_and_tidied(tmp_path: Path) -> None:
    kit = suite(tmp_path / "area")
    kit.good("-runtests", "ok", *W1)
    database = kit.home / "megatest.db"
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("INSERT INTO test_steps (test_id, stepname, state) VALUES (99999, 's', 'end')")
    assert kit.good("-rebuild-db") == f"{database} is up to date\n"
    assert "megatest.db: 1 row that belonged to no test or run taken out" in kit.good("-cleanup-db")
    assert "megatest.db: nothing to take out" in kit.good("-cleanup-db")
    assert "PASS" in kit.good("list")
