"""Whatever a test does to its processes, ending the test ends them all: real ones, by every way to ask."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_area import DEADLINE_S, UNTIL_GO, LiveArea, live_area, lives

# Each leaves a process that writes its pid into `stray`, and then waits for ever.
WAYS = {
    "that ignores TERM": """
        sh -c 'trap "" TERM; echo $$ > stray.new; mv stray.new stray; while :; do sleep 1; done' &
    """,
    "in another session": """
        setsid sh -c 'echo $$ > stray.new; mv stray.new stray; exec sleep 1000' &
    """,
    "that lost its parents": """
        (setsid sh -c 'echo $$ > stray.new; mv stray.new stray; exec sleep 1000' > /dev/null 2>&1 &)
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


@pytest.fixture
def area(tmp_path: Path) -> Iterator[LiveArea]:
    with live_area(tmp_path / "area") as area:
        yield area


def make(area: LiveArea, script: str, testconfig: str = "") -> None:
    area.make({"t": (script, testconfig)})


def stray_of(area: LiveArea) -> int:
    return int((area.run_dir() / "stray").read_text("utf-8"))


@pytest.mark.parametrize("way", WAYS)
def test_a_kill_request_ends_a_process(way: str, area: LiveArea) -> None:
    make(area, WAYS[way] + WAIT + "sleep 1000")
    engine = area.start()
    area.wait_until_ready()
    stray = stray_of(area)
    assert lives(stray)
    done = area.megatest("kill", "t")
    assert done.returncode == 0, done.stderr
    assert not lives(stray)
    code, said = area.end(engine)
    assert code == 1
    assert "KILLED" in said


# With its parent gone, nothing is left that the one left out could be known by.
@pytest.mark.parametrize("way", [way for way in WAYS if way != "that forgot everything but its parent"])
def test_a_test_that_leaves_a_process_behind_is_reported_and_the_process_ended(
    way: str, area: LiveArea
) -> None:
    make(area, WAYS[way] + WAIT)
    engine = area.start()
    code, said = area.end(engine)
    assert code == 0, said
    stray = stray_of(area)
    assert not lives(stray)
    assert "t left processes behind" in said
    assert str(stray) in said


def test_the_limit_of_the_run_time_ends_every_process(area: LiveArea) -> None:
    make(area, WAYS["that lost its parents"] + WAIT + "sleep 1000", "[requirements]\nruntimelim 1s\n")
    engine = area.start()
    code, said = area.end(engine)
    assert code == 1
    assert "limit of 1 s" in said
    assert not lives(stray_of(area))


def test_one_interrupt_waits_for_what_runs_and_starts_nothing_more(area: LiveArea) -> None:
    make(area, UNTIL_GO)
    engine = area.start()
    area.wait_until_ready()
    engine.send_signal(signal.SIGINT)
    area.go()
    code, said = area.end(engine)
    assert code == 130
    assert "PASS" in said


def test_two_interrupts_end_every_process(area: LiveArea) -> None:
    make(area, WAYS["in another session"] + WAIT + "sleep 1000")
    engine = area.start()
    area.wait_until_ready()
    engine.send_signal(signal.SIGINT)
    assert "waiting for" in (engine.stdout.readline() if engine.stdout else "")
    engine.send_signal(signal.SIGINT)
    code, said = area.end(engine)
    assert code == 130
    assert "KILLED" in said
    assert not lives(stray_of(area))


def test_told_to_end_the_engine_leaves_what_runs_and_the_next_one_adopts_it(area: LiveArea) -> None:
    make(area, UNTIL_GO)
    engine = area.start()
    area.wait_until_ready()
    engine.send_signal(signal.SIGTERM)
    code, said = area.end(engine)
    assert code == 130
    assert "the next run adopts" in said
    assert "RUN" in area.listed()
    engine = area.start()
    area.wait_for(lambda: "RUNNING" in area.listed(), "the next one has it")
    area.go()
    code, said = area.end(engine)
    assert code == 0, said
    assert area.starts() == ["t 1"]


def test_an_adopted_test_has_the_limit_that_it_had(area: LiveArea) -> None:
    make(area, WAYS["that ignores TERM"] + WAIT + "sleep 1000", "[requirements]\nruntimelim 2s\n")
    engine = area.start()
    area.wait_until_ready()
    area.kill_engine(engine)
    engine = area.start()
    code, said = area.end(engine)
    assert code == 1
    assert "limit of 2 s" in said
    assert not lives(stray_of(area))


def test_a_request_that_a_dead_engine_did_not_serve_is_served_by_the_next(area: LiveArea) -> None:
    make(area, WAYS["in another session"] + WAIT + "sleep 1000")
    engine = area.start()
    area.wait_until_ready()
    engine.send_signal(signal.SIGSTOP)
    asking = subprocess.Popen(area.command("kill", "t"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    area.wait_for(lambda: "KILLREQ" in area.listed(), "the request stands")
    area.kill_engine(engine)
    engine = area.start()
    _, said = area.end(engine)
    asking.communicate(timeout=DEADLINE_S)
    assert "killed on request" in said
    assert not lives(stray_of(area))


def test_what_a_test_left_behind_while_no_engine_lived_is_ended_by_the_next_command(area: LiveArea) -> None:
    make(area, WAYS["that lost its parents"] + WAIT + UNTIL_GO)
    engine = area.start()
    area.wait_until_ready()
    area.kill_engine(engine)
    area.go()
    journal = area.run_dir() / ".megatest/journal"
    area.wait_for(lambda: '"exit"' in journal.read_text("utf-8"), "the test has ended")
    assert lives(stray_of(area))
    assert "PASS" in area.listed()
    assert not lives(stray_of(area))
