"""Whatever a test does to its processes, ending the test ends them all: real ones, by every way to ask."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from megatest.executors import process

BIN = Path(sys.executable).parent
DEADLINE_S = 40

CONFIG = """\
[fields]
SYSTEM TEXT

[setup]
target linux
linktree #{getenv MT_RUN_AREA_HOME}/lt
kill-grace 0.5
"""

# Each leaves a process that writes its pid into `stray`, and then waits for ever.
WAYS = {
    "that ignores TERM": """
        sh -c 'trap "" TERM; echo $$ > stray.new; mv stray.new stray; while :; do sleep 1; done' &
    """,
    "in another session": """
        setsid sh -c 'echo $$ > stray.new; mv stray.new stray; exec sleep 1000' &
    """,
    "that lost its parents": """
        (setsid sh -c 'echo $$ > stray.new; mv stray.new stray; exec sleep 1000' < /dev/null > /dev/null 2>&1 &)
    """,
    "daemonised in another directory": """
        here=$PWD
        (setsid sh -c 'cd /; echo $$ > "$1.new"; mv "$1.new" "$1"; exec sleep 1000' sh "$here/stray" &)
    """,
    "that forgot its environment": """
        (setsid env -i sh -c 'echo $$ > stray.new; mv stray.new stray; exec sleep 1000' &)
    """,
    "that forgot everything but its parent": """
        here=$PWD
        setsid env -i sh -c 'cd /; echo $$ > "$1.new"; mv "$1.new" "$1"; exec sleep 1000' sh "$here/stray" &
    """,
    "that was stopped": """
        sh -c 'echo $$ > stray.new; mv stray.new stray; kill -STOP $$; exec sleep 1000' &
    """,
}

WAIT = """
while [ ! -e stray ]; do sleep 0.02; done
touch ready
"""


class Scene:
    """An area with one test, and the engine that runs it as a process of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.run_dir = home / "runs/linux/r/t"
        self.engine: subprocess.Popen[str] | None = None

    def make(self, script: str, testconfig: str = "") -> None:
        test = self.home / "tests/t"
        test.mkdir(parents=True)
        (self.home / "megatest.config").write_text(CONFIG, "utf-8")
        (self.home / "runconfigs.config").write_text("[default]\n[linux]\n", "utf-8")
        (test / "testconfig").write_text(f"[setup]\nrunscript main.sh\n{testconfig}", "utf-8")
        (test / "main.sh").write_text(f"#!/bin/sh\n{script}\n", "utf-8")
        (test / "main.sh").chmod(0o755)

    def command(self, *words: str) -> list[str]:
        return [str(BIN / "megatest"), words[0], "--area", str(self.home), "-n", "r", *words[1:]]

    def start(self) -> subprocess.Popen[str]:
        self.engine = subprocess.Popen(
            self.command("run"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return self.engine

    def end(self) -> tuple[int, str]:
        """Wait for the engine's end; return its exit status and what it said."""
        assert self.engine is not None
        said, _ = self.engine.communicate(timeout=DEADLINE_S)
        return self.engine.returncode, said

    def megatest(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words), capture_output=True, text=True, timeout=DEADLINE_S, check=False
        )

    def wait_for(self, is_so: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not is_so():
            assert time.monotonic() < deadline, f"never: {what}"
            time.sleep(0.01)

    def wait_until_ready(self) -> None:
        self.wait_for((self.run_dir / "ready").exists, "the test is ready")

    def stray(self) -> int:
        return int((self.run_dir / "stray").read_text("utf-8"))

    def lives(self, pid: int) -> bool:
        found = process.look_up(pid)
        return found is not None and not found.zombie

    def result(self) -> str:
        done = self.megatest("list", "t")
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path / "area")
    yield scene
    if scene.engine is not None and scene.engine.poll() is None:
        scene.engine.kill()
        scene.engine.communicate()
    marked = f"MT_RUN_AREA_HOME={scene.home}".encode()
    for each in process.all_processes():
        try:
            if marked in Path(f"/proc/{each.pid}/environ").read_bytes().split(b"\0"):
                os.kill(each.pid, signal.SIGKILL)
        except OSError:
            continue


@pytest.mark.parametrize("way", WAYS)
def test_a_kill_request_ends_a_process(way: str, scene: Scene) -> None:
    scene.make(WAYS[way] + WAIT + "sleep 1000")
    scene.start()
    scene.wait_until_ready()
    stray = scene.stray()
    assert scene.lives(stray)
    done = scene.megatest("kill", "t")
    assert done.returncode == 0, done.stderr
    assert not scene.lives(stray)
    code, said = scene.end()
    assert code == 1
    assert "KILLED" in said


@pytest.mark.parametrize("way", WAYS)
def test_a_test_that_leaves_a_process_behind_is_reported_and_the_process_ended(way: str, scene: Scene) -> None:
    if way == "that forgot everything but its parent":
        pytest.skip("with its parent gone nothing is left to know it by")
    scene.make(WAYS[way] + WAIT)
    scene.start()
    code, said = scene.end()
    assert code == 0, said
    stray = scene.stray()
    assert not scene.lives(stray)
    assert "t left processes behind" in said
    assert str(stray) in said


def test_the_limit_of_the_run_time_ends_every_process(scene: Scene) -> None:
    scene.make(WAYS["that lost its parents"] + WAIT + "sleep 1000", "[requirements]\nruntimelim 1s\n")
    scene.start()
    code, said = scene.end()
    assert code == 1
    assert "limit of 1 s" in said
    assert not scene.lives(scene.stray())


def test_one_interrupt_waits_for_what_runs_and_starts_nothing_more(scene: Scene) -> None:
    scene.make("touch ready\nwhile [ ! -e go ]; do sleep 0.02; done")
    engine = scene.start()
    scene.wait_until_ready()
    engine.send_signal(signal.SIGINT)
    (scene.run_dir / "go").touch()
    code, said = scene.end()
    assert code == 130
    assert "PASS" in said


def test_two_interrupts_end_every_process(scene: Scene) -> None:
    scene.make(WAYS["in another session"] + WAIT + "sleep 1000")
    engine = scene.start()
    scene.wait_until_ready()
    engine.send_signal(signal.SIGINT)
    assert engine.stdout is not None
    scene.wait_for(lambda: "waiting for" in engine.stdout.readline(), "the first is heard")
    engine.send_signal(signal.SIGINT)
    code, said = scene.end()
    assert code == 130
    assert "KILLED" in said
    assert not scene.lives(scene.stray())


def test_told_to_end_the_engine_leaves_what_runs_and_the_next_one_adopts_it(scene: Scene) -> None:
    scene.make("echo x >> starts\ntouch ready\nwhile [ ! -e go ]; do sleep 0.02; done")
    engine = scene.start()
    scene.wait_until_ready()
    engine.send_signal(signal.SIGTERM)
    code, said = scene.end()
    assert code == 130
    assert "the next run adopts" in said
    assert "RUN" in scene.result()
    scene.start()
    scene.wait_for(lambda: "RUNNING" in scene.result(), "the next one has it")
    (scene.run_dir / "go").touch()
    code, said = scene.end()
    assert code == 0, said
    assert (scene.run_dir / "starts").read_text("utf-8") == "x\n"


def test_an_adopted_test_has_the_limit_that_it_had(scene: Scene) -> None:
    scene.make(WAYS["that ignores TERM"] + WAIT + "sleep 1000", "[requirements]\nruntimelim 2s\n")
    engine = scene.start()
    scene.wait_until_ready()
    engine.kill()
    scene.end()
    scene.start()
    code, said = scene.end()
    assert code == 1
    assert "limit of 2 s" in said
    assert not scene.lives(scene.stray())


def test_a_request_that_a_dead_engine_did_not_serve_is_served_by_the_next(scene: Scene) -> None:
    scene.make(WAYS["in another session"] + WAIT + "sleep 1000")
    engine = scene.start()
    scene.wait_until_ready()
    engine.send_signal(signal.SIGSTOP)
    asking = subprocess.Popen(scene.command("kill", "t"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    scene.wait_for(lambda: "KILLREQ" in scene.result(), "the request stands")
    engine.kill()
    engine.communicate()
    scene.start()
    _, said = scene.end()
    asking.communicate(timeout=DEADLINE_S)
    assert "killed on request" in said
    assert not scene.lives(scene.stray())


def test_what_a_test_left_behind_while_no_engine_lived_is_ended_by_the_next_command(scene: Scene) -> None:
    scene.make(WAYS["that lost its parents"] + WAIT + "while [ ! -e go ]; do sleep 0.02; done")
    engine = scene.start()
    scene.wait_until_ready()
    engine.kill()
    engine.communicate()
    (scene.run_dir / "go").touch()
    journal = scene.run_dir / ".megatest/journal"
    scene.wait_for(lambda: '"exit"' in journal.read_text("utf-8"), "the test has ended")
    assert scene.lives(scene.stray())
    assert "PASS" in scene.result()
    assert not scene.lives(scene.stray())
