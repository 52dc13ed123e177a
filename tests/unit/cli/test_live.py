"""What a user sees while a run goes on."""

from __future__ import annotations

import io
import re

from fakes.batch_system import FakeClock
from megatest.cli.live import ClassicWatcher, PlainWatcher, TerminalWatcher
from megatest.model.ids import TestId

_GOOD, _BAD = TestId("good"), TestId("paint", "red")


def _play(watcher: PlainWatcher, clock: FakeClock) -> None:
    """Let two tests run, one of which fails after three seconds."""
    watcher.launched(_GOOD, 1)
    watcher.launched(_BAD, 1)
    clock.now += 2
    watcher.ended(_GOOD, "COMPLETED", "PASS", 2, "")
    clock.now += 1
    watcher.ended(_BAD, "COMPLETED", "FAIL", 3, "no red")


def test_a_pipe_gets_a_line_a_test_and_the_summary_says_how_long_it_took() -> None:
    out, clock = io.StringIO(), FakeClock()
    watcher = PlainWatcher(out, monotonic=clock)
    _play(watcher, clock)
    assert [line.split() for line in out.getvalue().splitlines()] == [
        ["PASS", "good", "2.00s"],
        ["FAIL", "paint/red", "3.00s", "no", "red"],
    ]
    assert watcher.tally.summary() == "1 PASS  1 FAIL in 3.00s"


def test_a_quiet_watcher_shows_only_what_needs_attention() -> None:
    clock = FakeClock()
    plain, terminal = io.StringIO(), io.StringIO()
    _play(PlainWatcher(plain, quiet=True, monotonic=clock), clock)
    _play(TerminalWatcher(terminal, columns=80, colour=False, quiet=True, monotonic=clock), clock)
    assert plain.getvalue() == terminal.getvalue()
    assert plain.getvalue().startswith("FAIL        paint/red")


def test_a_terminal_gets_coloured_lines_that_fit_it() -> None:
    out, clock = io.StringIO(), FakeClock()
    _play(TerminalWatcher(out, columns=20, monotonic=clock), clock)
    lines = out.getvalue().splitlines()
    assert [line[:13] for line in lines] == ["\x1b[32mPASS\x1b[0m", "\x1b[31mFAIL\x1b[0m"]
    assert [len(re.sub(r"\x1b\[\d+m", "", line)) for line in lines] == [20, 20]


def test_the_foot_of_a_terminal_says_what_runs_for_how_long() -> None:
    out, clock = io.StringIO(), FakeClock()
    watcher = TerminalWatcher(out, columns=80, monotonic=clock)
    watcher.launched(_BAD, 1)
    clock.now += 5
    watcher.counted(1, 3)
    assert out.getvalue() == "\r\x1b[2K[0/4] no tests | 1 running: paint/red 5.00s"


def test_the_foot_of_a_terminal_is_redrawn_a_few_times_a_second_at_most() -> None:
    out, clock = io.StringIO(), FakeClock()
    watcher = TerminalWatcher(out, columns=80, monotonic=clock)
    for waiting in range(100):
        watcher.counted(0, waiting)
        clock.now += 0.01
    assert out.getvalue().count("running") <= 10


def test_the_originals_lines_name_the_run_directory_and_when_the_test_began() -> None:
    out = io.StringIO()
    watcher = ClassicWatcher(out, directory="links/a/w1", now=lambda: 1_700_000_000.0)
    watcher.ended(_BAD, "COMPLETED", "FAIL", 61, "")
    heading, line = out.getvalue().splitlines()
    assert heading.split() == ["State", "Status", "Start", "Time", "Duration", "Test", "path"]
    # (When it began is told in local time.)
    assert re.fullmatch(r"COMPLETED +FAIL +2023ww46\.\d \d\d:\d\d +61s +links/a/w1/paint/red", line)
