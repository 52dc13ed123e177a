"""Areas whose tests run on an ssh host that shares no directory with us: a mount namespace of its own."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from area_kit import AreaKit, Done, make_area, wait_for_file

from megatest.executors import process
from megatest.failpoint import POINTS
from services.service import Services, give_up

_CONFIG = """\
[fields]
sysname TEXT

[setup]
linktree #{{getenv MT_RUN_AREA_HOME}}/lt
kill-grace 1

[jobtools]
executor ssh

[hosts]
{hosts}

[executor ssh]
options -F {ssh_config}
{settings}
"""

_RUN = ("-t", "linux", "-n", "r")


@dataclass(frozen=True)
class Apart:
    """An area that the host far does not see.

    Attributes:
        kit: the area.
        there: the directory of copies over there, as we reach it.
        ssh_config: what the area's ssh reads; to be changed by tests that cut the way.
        beside: a directory that both sides see.
    """

    kit: AreaKit
    there: Path
    ssh_config: Path
    beside: Path
    log: Path

    def add_host(self, line: str) -> None:
        """Let the area have one more host."""
        config = self.kit.home / "megatest.config"
        config.write_text(config.read_text().replace("[hosts]\n", f"[hosts]\n{line}\n"))

    def copies(self) -> list[str]:
        """Return the names of the copies over there; what tests call is not one."""
        names = os.listdir(self.there) if self.there.exists() else []
        return sorted(name for name in names if not name.startswith(".megatest-"))

    def states(self) -> dict[str, tuple[str, str, str]]:
        """Return state, status and host of every test and item."""
        connection = sqlite3.connect(self.kit.home / "megatest.db")
        try:
            rows = connection.execute("SELECT testname, item_path, state, status, host FROM tests")
            return {
                f"{name}/{item}" if item else name: (state, status, host)
                for name, item, state, status, host in rows
            }
        finally:
            connection.close()

    def run_dir(self, test: str) -> Path:
        return (self.kit.home / "lt/linux/r" / test).resolve()

    def until(self, test: str, state: str) -> None:
        """Wait until a test has got a state."""
        deadline = time.monotonic() + 60
        while self.kit.home.joinpath("megatest.db").exists() is False or (
            self.states().get(test, ("",))[0] != state
        ):
            assert time.monotonic() < deadline, self.states()
            time.sleep(0.05)  # another process writes it


@pytest.fixture
def make(services: Services, tmp_path: Path) -> Iterator[Maker]:
    environment = services("ssh-up", 2)
    shared = environment.get("MEGATEST_TEST_SSH_UNSHARED")
    if not shared:
        give_up("no mount namespace for a host that shares nothing can be made here")
    maker = Maker(Path(shared), Path(environment["MEGATEST_TEST_SSH_CONFIG"]), tmp_path)
    yield maker
    maker.close()


class Maker:
    """Makes one area apart."""

    def __init__(self, shared: Path, ssh_config: Path, tmp_path: Path) -> None:
        self._shared = shared
        self._text = ssh_config.read_text()
        self._tmp_path = tmp_path
        self._log = ssh_config.parent / "far.log"
        self._far_pid = (ssh_config.parent / "far.pid").read_text().strip()
        self._started: list[subprocess.Popen[str]] = []

    def __call__(self, hosts: str, settings: str = "") -> Apart:
        name = uuid4().hex[:8]
        home = self._shared / name / "area"
        work = self._shared / f"{name}.work"
        config = self._tmp_path / "ssh_config"
        config.write_text(self._text)
        text = _CONFIG.format(hosts=hosts.format(work=work), ssh_config=config, settings=settings)
        kit = make_area(home, text, "[default]\nA 1\n[linux]\nB 1\n")
        return Apart(
            kit=kit,
            there=Path(f"/proc/{self._far_pid}/root{work}"),
            ssh_config=config,
            beside=self._tmp_path,
            log=self._log,
        )

    def start(self, apart: Apart, *words: str) -> subprocess.Popen[str]:
        """Start ``megatest``, to be ended with the test at the latest."""
        started = apart.kit.start(*words)
        self._started.append(started)
        return started

    def close(self) -> None:
        for started in self._started:
            if started.poll() is None:
                started.kill()
            started.communicate()


def _run(apart: Apart, *words: str) -> Done:
    return apart.kit.megatest("run", *_RUN, *words)


def _output(started: subprocess.Popen[str]) -> str:
    out, _ = started.communicate(timeout=120)
    return out


def test_items_and_prerequisites_run_on_a_host_with_and_one_without_the_directories(make: Maker) -> None:
    apart = make("loop1 slots 2\nfar slots 2 {work}")
    kit = apart.kit
    kit.add_test(
        "setup", "echo ready >made; exec 3>&1; megatest -step look :state end :status 0 -m 'a \"q\"'"
    )
    gate = apart.beside / "gate"
    # All four are under way at once, so that both hosts have some.
    script = f"""\
echo x >>{apart.beside}/begun
while [ $(wc -l <{apart.beside}/begun) -lt 4 ]; do sleep 0.05; done
echo "$MT_TEST_RUN_DIR" >where
test -e "$MT_RUN_AREA_HOME/megatest.config" && echo yes >sees
mkdir -p deep/er && echo $COLOUR >deep/er/colour && ln -s deep/er/colour link
$MT_MEGATEST -step first :state end :status 0 -setlog first.log
megatest value delay 1.5 --expected 1.5 --tol 0.1
exit 0"""
    kit.add_test("check", script, "[requirements]\nwaiton setup\n[items]\nCOLOUR red green blue black\n")
    kit.add_test("report", "echo done", "[requirements]\nwaiton check\n")
    connections = apart.log.read_text().count("Accepted publickey")
    done = _run(apart)
    assert done.code == 0, done.said
    states = apart.states()
    items = {name: states[f"check/{name}"] for name in ("red", "green", "blue", "black")}
    assert {state[:2] for state in states.values()} == {("COMPLETED", "PASS")}
    hosts = sorted(host for _, _, host in items.values())
    assert not gate.exists()
    assert len(list(apart.kit.home.glob("runs/linux/r/check/*/where"))) == 4
    for name in items:
        run_dir = apart.run_dir(f"check/{name}")
        assert (run_dir / "link").read_text() == f"{name}\n"
        there = (run_dir / "where").read_text().strip()
        assert (run_dir / "sees").exists() == (there == str(run_dir))
        kinds = [json.loads(line)["k"] for line in (run_dir / ".megatest/journal").read_text().splitlines()]
        assert kinds == ["start", "step", "value", "exit"]
        assert not (run_dir / ".megatest/away").exists()
        assert not (run_dir / ".mt-journal").exists()
    places = [(apart.run_dir(f"check/{n}") / "sees").exists() for n in items]
    assert sorted(places) == [False, False, True, True], hosts
    assert apart.copies() == []
    assert apart.log.read_text().count("Accepted publickey") == connections + 1
    assert "delay" in kit.good("show", *_RUN, "check/red")


def test_steps_show_while_a_test_runs_and_its_verdict_only_when_its_results_are_here(make: Maker) -> None:
    apart = make("far slots 1 {work}")
    gate, said = apart.beside / "gate", apart.beside / "said"
    apart.kit.add_test(
        "long",
        f"""\
megatest -step one :state end :status 0 -m here
megatest -test-status :state COMPLETED :status PASS
touch {said}
while [ ! -e {gate} ]; do sleep 0.05; done
echo late >result""",
    )
    engine = make.start(apart, "run", *_RUN)
    wait_for_file(said)
    journal = apart.run_dir("long") / ".megatest/journal"
    deadline = time.monotonic() + 60
    while b'"step":"one"' not in journal.read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    apart.until("long", "RUNNING")
    assert b"COMPLETED" not in journal.read_bytes()
    gate.touch()
    out = _output(engine)
    assert engine.returncode == 0, out
    assert b"COMPLETED" in journal.read_bytes()
    assert (apart.run_dir("long") / "result").read_text() == "late\n"


def test_a_kill_reaches_what_left_the_session_over_there_and_the_log_comes_back(make: Maker) -> None:
    apart = make("far slots 1 {work}")
    pid = apart.beside / "pid"
    apart.kit.add_test(
        "stray",
        f"""\
echo told
(setsid sh -c 'trap "" TERM; echo $$ >{pid}.new; mv {pid}.new {pid}; while :; do sleep 1; done' &)
while :; do sleep 1; done""",
    )
    engine = make.start(apart, "run", *_RUN)
    wait_for_file(pid)
    killed = apart.kit.megatest("kill", *_RUN, "stray")
    assert killed.code == 0, killed.said
    out = _output(engine)
    assert apart.states()["stray"][:2] == ("KILLED", "FAIL"), out
    assert not process.is_alive(int(pid.read_text()), 0, "")
    assert (apart.run_dir("stray") / "mt_launch.log").read_text().startswith("told\n")
    assert apart.copies() == []


def test_a_run_time_limit_and_two_interrupts_end_what_runs_over_there(make: Maker) -> None:
    apart = make("far slots 2 {work}")
    pid = apart.beside / "pid"
    apart.kit.add_test("short", "while :; do sleep 1; done", "[requirements]\nruntimelim 1s\n")
    apart.kit.add_test("long", f"echo $$ >{pid}.new; mv {pid}.new {pid}; while :; do sleep 1; done")
    engine = make.start(apart, "run", *_RUN)
    wait_for_file(pid)
    apart.until("short", "KILLED")
    engine.send_signal(signal.SIGINT)
    assert engine.stdout is not None
    while "again to kill" not in engine.stdout.readline():
        assert engine.poll() is None
    engine.send_signal(signal.SIGINT)
    out = _output(engine)
    assert engine.returncode == 130, out
    assert apart.states()["long"][0] == "KILLED", out
    assert not process.is_alive(int(pid.read_text()), 0, "")
    assert apart.copies() == []


def test_a_test_outlives_its_engine_and_the_next_one_brings_its_results_back(make: Maker) -> None:
    apart = make("far slots 4 {work}")
    gate, begun = apart.beside / "gate", apart.beside / "begun"
    apart.kit.add_test(
        "long", f"echo once >>{begun}; while [ ! -e {gate} ]; do sleep 0.05; done; echo late >result"
    )
    engine = make.start(apart, "run", *_RUN)
    wait_for_file(begun)
    apart.until("long", "RUNNING")
    engine.kill()
    engine.wait()
    apart.add_host("loop1 slots 8")
    gate.touch()
    done = _run(apart)
    assert done.code == 0, done.said
    assert begun.read_text() == "once\n"
    assert (apart.run_dir("long") / "result").read_text() == "late\n"
    assert apart.copies() == []


@pytest.mark.parametrize("point", sorted(point for point in POINTS if point.startswith("parcel ")))
def test_an_engine_killed_while_directories_travel_is_put_right_by_the_next(make: Maker, point: str) -> None:
    apart = make("far slots 4 {work}")
    begun = apart.beside / "begun"
    apart.kit.add_test("one", f"echo once >>{begun}; echo made >result; exit 0")
    killed = apart.kit.megatest("run", *_RUN, more={"MEGATEST_FAILPOINT": f"{point}:1"})
    assert killed.code == -9, killed.said
    done = _run(apart)
    assert done.code == 0, done.said
    assert apart.states()["one"][:2] == ("COMPLETED", "PASS")
    assert begun.read_text() == "once\n"
    assert (apart.run_dir("one") / "result").read_text() == "made\n"
    assert apart.copies() == []
    assert sorted(os.listdir(apart.run_dir("one") / ".megatest")) == ["job.sh", "journal"]
    assert not (apart.run_dir("one") / ".mt-journal").exists()


def test_tests_of_a_host_that_stays_away_are_lost_and_run_elsewhere_the_next_time(make: Maker) -> None:
    apart = make("far slots 4 {work}", "lost-after 1\nconnect-timeout 20")
    begun, gate = apart.beside / "begun", apart.beside / "gate"
    apart.kit.add_test(
        "long",
        f'echo "$MT_TEST_RUN_DIR" >>{begun}; megatest -test-status :state COMPLETED :status PASS;'
        f" while [ ! -e {gate} ]; do sleep 0.05; done",
    )
    engine = make.start(apart, "run", *_RUN)
    wait_for_file(begun)
    apart.until("long", "RUNNING")
    _cut(apart, engine.pid)
    out = _output(engine)
    assert engine.returncode == 1, out
    assert apart.states()["long"][0] == "INCOMPLETE", out
    gate.touch()
    apart.add_host("loop1 slots 1")
    done = _run(apart)  # the host is down from the start, and does not hold the other up
    assert done.code == 0, done.said
    first, second = begun.read_text().splitlines()
    assert first != second == str(apart.run_dir("long"))


def test_removal_clears_the_copy_that_a_lost_test_has_over_there(make: Maker) -> None:
    apart = make("far slots 4 {work}", "lost-after 1\nconnect-timeout 20")
    pid = apart.beside / "pid"
    apart.kit.add_test("long", f"echo $$ >{pid}.new; mv {pid}.new {pid}; while :; do sleep 1; done")
    engine = make.start(apart, "run", *_RUN)
    wait_for_file(pid)
    apart.until("long", "RUNNING")
    whole = apart.ssh_config.read_text()
    _cut(apart, engine.pid)
    _output(engine)
    assert len(apart.copies()) == 1
    refused = apart.kit.megatest("rm", *_RUN, "-y", "long")
    assert refused.code == 1
    assert "still has a copy" in refused.said
    assert apart.run_dir("long").exists()
    apart.ssh_config.write_text(whole)
    apart.kit.good("rm", *_RUN, "-y", "long")
    assert not process.is_alive(int(pid.read_text()), 0, "")
    assert apart.copies() == []
    assert not apart.run_dir("long").exists()


def _cut(apart: Apart, engine: int) -> None:
    """Let the way to the host far lead nowhere, and end the session."""
    config = apart.ssh_config.read_text()
    apart.ssh_config.write_text(config.replace("Host far*", "Host far*\n  ProxyCommand false"))
    clients = [p for p in process.all_processes() if p.parent == engine and p.name == "ssh"]
    assert clients
    for client in clients:
        if "far" in Path(f"/proc/{client.pid}/cmdline").read_text().split("\0"):
            os.kill(client.pid, 9)
