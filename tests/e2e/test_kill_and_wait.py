"""Ending and awaiting tests: with an engine that holds the run, without, and from inside the database."""

from __future__ import annotations

import signal
import sqlite3
from pathlib import Path

import pytest
from area_kit import AreaKit, make_area, wait_for_file

SLOW = """\
trap '' TERM
sh -c 'trap "" TERM; touch "$MT_TEST_RUN_DIR/begun"; while :; do sleep 0.2; done' &
echo $! > child
wait
"""
RUN = ("-t", "ubuntu/nfs", "-n", "w1")


@pytest.fixture
def area(tmp_path: Path) -> AreaKit:
    """An area with a test that ends only when it is killed, and one that ends when told by a file."""
    kit = make_area(tmp_path / "area")
    kit.add_test("slow", SLOW)
    kit.add_test("told", "touch begun; while [ ! -e enough ]; do sleep 0.1; done")
    return kit


def run_dir(kit: AreaKit, test: str) -> Path:
    return kit.home / "runs/ubuntu/nfs/w1" / test


def is_alive(pid: int) -> bool:
    """Return whether a process runs; one that ended counts as gone, even if nobody has reaped it."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def test_kill_asks_the_engine_and_waits_until_nothing_is_left(area: AreaKit) -> None:
    engine = area.start("run", "slow", *RUN)
    wait_for_file(run_dir(area, "slow") / "begun")
    child = int((run_dir(area, "slow") / "child").read_text())
    out = area.good("kill", "slow", "--reason", "enough")
    assert "killed slow" in out
    assert f"ended by process {engine.pid}" in out
    assert not is_alive(child)
    said, _ = engine.communicate(timeout=60)
    assert engine.returncode == 1
    assert "KILLED      slow" in said
    assert "enough" in area.good("show", "slow")
    assert "nothing that matches is under way" in area.good("kill", "slow")


@pytest.mark.parametrize(
    "words",
    [
        ("kill", "later", *RUN),
        ("-set-state-status", "KILLREQ,n/a", "-target", RUN[1], "-runname", RUN[3], "-testpatt", "later"),
    ],
)
def test_a_kill_reaches_a_test_that_a_living_engine_has_not_started(
    area: AreaKit, words: tuple[str, ...]
) -> None:
    area.add_test("later", "exit 0", "[requirements]\nwaiton told\n")
    engine = area.start("run", "told,later", *RUN)
    wait_for_file(run_dir(area, "told") / "begun")
    area.good(*words)
    (run_dir(area, "told") / "enough").touch()
    said, _ = engine.communicate(timeout=60)
    assert "KILLED      later" in said
    assert "killed on request before it began" in area.good("show", "later")
    assert not run_dir(area, "later").exists()
    done = area.megatest(*words)
    assert done.code == 0, done.said
    assert "nothing that matches is under way in run ubuntu/nfs/w1" in done.said


def test_kill_without_wait_only_asks(area: AreaKit) -> None:
    engine = area.start("run", "slow", *RUN)
    wait_for_file(run_dir(area, "slow") / "begun")
    assert f"asked process {engine.pid}" in area.good("kill", "%", "--no-wait")
    engine.communicate(timeout=60)
    assert "KILLED" in area.good("list", "slow")


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_kill_ends_tests_itself_when_the_engine_is_gone(area: AreaKit, end: signal.Signals) -> None:
    engine = area.start("run", "slow", *RUN)
    wait_for_file(run_dir(area, "slow") / "begun")
    child = int((run_dir(area, "slow") / "child").read_text())
    engine.send_signal(end)
    engine.communicate(timeout=60)
    out = area.good("kill", "slow")
    assert "killed slow\nended by this command: no engine holds the run\n" in out
    assert not is_alive(child)
    assert "KILLED" in area.good("list", "slow")


def test_a_kill_request_written_into_the_database_is_heeded(area: AreaKit) -> None:
    engine = area.start("-runtests", "slow", "-target", "ubuntu/nfs", "-runname", "w1")
    wait_for_file(run_dir(area, "slow") / "begun")
    with sqlite3.connect(area.home / "megatest.db", timeout=30) as database:
        database.execute("update tests set state = 'KILLREQ'")
    database.close()
    out, _ = engine.communicate(timeout=60)
    assert engine.returncode == 0
    assert "KILLED      FAIL" in out
    assert "nothing to do" in area.good("run", "slow", *RUN)


def test_wait_lasts_until_the_engine_is_done(area: AreaKit) -> None:
    engine = area.start("run", "told", *RUN)
    wait_for_file(run_dir(area, "told") / "begun")
    early = area.megatest("wait", "--timeout", "0.1")
    assert early.code == 1
    assert "1 test of run ubuntu/nfs/w1 still under way after 0.1 s" in early.err
    waiting = area.start("wait", "--json")
    follow = area.start("log", "told", "-f")
    (run_dir(area, "told") / "enough").touch()
    assert '"over": true' in waiting.communicate(timeout=60)[0]
    assert waiting.returncode == 0
    assert follow.communicate(timeout=60)[0] == ""
    engine.communicate(timeout=60)
    assert area.good("wait", "told", "-q") == ""


def test_wait_settles_what_ends_when_no_engine_is_there(area: AreaKit) -> None:
    engine = area.start("run", "told", *RUN)
    wait_for_file(run_dir(area, "told") / "begun")
    engine.kill()
    engine.communicate(timeout=60)
    waiting = area.start("wait", "told")
    (run_dir(area, "told") / "enough").touch()
    out, _ = waiting.communicate(timeout=60)
    assert (waiting.returncode, out) == (0, "Run ubuntu/nfs/w1: 1 PASS\n")


def test_a_listing_settles_what_ended_without_an_engine(area: AreaKit) -> None:
    engine = area.start("run", "told", *RUN)
    wait_for_file(run_dir(area, "told") / "begun")
    engine.kill()
    engine.communicate(timeout=60)
    assert "1 still runs" in area.megatest("-list-runs", "w1").err
    (run_dir(area, "told") / "enough").touch()
    area.good("wait", "-q")
    listed = area.megatest("-list-runs", "w1")
    assert "State: COMPLETED       Status: PASS" in listed.out
    assert listed.err == ""


def test_wait_says_that_tests_did_not_start_and_nobody_is_going_to_start_them(area: AreaKit) -> None:
    area.add_test("quick", "exit 0")
    area.good("run", "quick", *RUN)
    area.good("set", "quick", "--state", "NOT_STARTED", "--status", "n/a", "--reason", "as after a kill")
    done = area.megatest("wait")
    assert (done.code, done.out) == (1, "Run ubuntu/nfs/w1: 1 NOT_STARTED\n")


def test_an_interrupted_run_that_launched_nothing_says_what_waits(area: AreaKit) -> None:
    config = area.home / "megatest.config"
    config.write_text(config.read_text().replace("[setup]", "[setup]\nminspace 1000000G"))
    engine = area.start("run", *RUN, "slow,told")
    assert engine.stdout is not None
    heard = engine.stdout.readline()  # why nothing is launched
    engine.send_signal(signal.SIGINT)
    said = heard + engine.communicate(timeout=60)[0]
    assert engine.returncode == 130, said
    assert said.endswith(
        "Run ubuntu/nfs/w1: nothing has ended\nleft: 0 running, 2 waiting; run the same command to go on\n"
    )


def test_wait_says_that_tests_came_out_badly(area: AreaKit) -> None:
    area.add_test("bad", "exit 1")
    assert area.megatest("run", "bad", *RUN).code == 1
    done = area.megatest("wait")
    assert (done.code, done.out) == (1, "Run ubuntu/nfs/w1: 1 FAIL\n")


def test_rm_kills_what_runs_and_then_removes_it(area: AreaKit) -> None:
    engine = area.start("run", "slow", *RUN)
    wait_for_file(run_dir(area, "slow") / "begun")
    child = int((run_dir(area, "slow") / "child").read_text())
    told = area.good("rm", "%", "--dry-run")
    assert "would remove ubuntu/nfs/w1/slow (after a kill)" in told
    area.good("rm", "%", "-y")
    engine.communicate(timeout=60)
    assert not is_alive(child)
    assert not run_dir(area, "slow").exists()
    assert "slow" not in area.good("-list-runs", "%")


def test_run_wait_waits_for_what_matches(area: AreaKit) -> None:
    engine = area.start("run", "told", *RUN)
    wait_for_file(run_dir(area, "told") / "begun")
    line = ("-target", "ubuntu/nfs", "-runname", "w1", "-testpatt", "%")
    waiting = area.start("-run-wait", *line, "-state", "RUNNING,LAUNCHED,REMOTEHOSTSTART")
    (run_dir(area, "told") / "enough").touch()
    waiting.communicate(timeout=60)
    assert waiting.returncode == 0
    engine.communicate(timeout=60)
    assert "PASS" in area.good("list", "told")
