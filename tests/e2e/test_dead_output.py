"""Standard output that cannot be written: what works goes on to its end, what only tells says so."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from area_kit import BIN, AreaKit, Done, suite

RUN = ("-t", "ubuntu/nfs", "-n", "w1")
CLASSIC = ("-target", "ubuntu/nfs", "-runname", "w1")


def full(kit: AreaKit, *words: str) -> Done:
    """Run a command whose output goes to a full disk."""
    with open("/dev/full", "w", encoding="utf-8") as out:
        return _ended(kit, words, out.fileno())


def unread(kit: AreaKit, *words: str) -> Done:
    """Run a command whose reader is gone."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return _ended(kit, words, writer)
    finally:
        os.close(writer)


def closed(kit: AreaKit, *words: str) -> Done:
    """Run a command that has neither standard input nor standard output."""
    return _ended(kit, words, subprocess.DEVNULL, "exec <&- >&-;")


def all_dead(kit: AreaKit, *words: str) -> Done:
    """Run a command of which nothing at all can be heard."""
    return _ended(kit, words, subprocess.DEVNULL, "exec >/dev/full 2>&1;")


def _ended(kit: AreaKit, words: tuple[str, ...], out: int, before: str = "") -> Done:
    done = subprocess.run(
        ["/bin/sh", "-c", f'{before} exec "$@"', "sh", str(BIN / "megatest"), *words],
        cwd=kit.home,
        env=kit.environment(),
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )
    return Done(done.returncode, "", done.stderr)


EVERY = pytest.mark.parametrize("way", [full, unread, closed, all_dead])


@pytest.fixture
def area(tmp_path: Path) -> AreaKit:
    return suite(tmp_path / "area")


@EVERY
def test_a_run_goes_on_to_its_end(area: AreaKit, way: Callable[..., Done]) -> None:
    assert way(area, "run", *RUN, "ok,items,bad") == Done(1, "", "")
    assert "3 PASS" in area.good("list", "--runs")
    assert way(area, "run", *RUN, "ok") == Done(0, "", "")


@EVERY
def test_a_run_of_the_original_goes_on_to_its_end(area: AreaKit, way: Callable[..., Done]) -> None:
    words = ("-list-runs", "%", "-run", *CLASSIC, "-testpatt", "ok,items")
    assert way(area, *words) == Done(0, "", "")
    assert "3 PASS" in area.good("list", "--runs")


@EVERY
def test_other_commands_that_work_do_so_too(area: AreaKit, way: Callable[..., Done]) -> None:
    area.good("run", *RUN, "ok")
    assert way(area, "wait", *RUN) == Done(0, "", "")
    assert way(area, "kill", "ok", *RUN) == Done(0, "", "")
    assert way(area, "rm", "-y", "ok", *RUN) == Done(0, "", "")
    assert "w1" not in area.good("list", "--runs")


QUERIES = (
    ("list", *RUN),
    ("list", "--json", *RUN),
    ("log", "ok", *RUN),
    ("check",),
    ("-h",),
    ("--help",),
    ("-version",),
    ("-list-runs", "%"),
    ("-show-config",),
)


@pytest.mark.parametrize("words", QUERIES)
def test_a_query_says_in_a_sentence_that_its_output_cannot_be_written(
    area: AreaKit, words: tuple[str, ...]
) -> None:
    area.good("run", *RUN, "ok")
    done = full(area, *words)
    assert done == Done(3, "", "error: cannot write standard output: No space left on device\n")
    gone = unread(area, *words)
    assert gone.code in (0, 1)
    assert gone.err == ""
    assert closed(area, *words) == Done(0, "", "")


def test_a_log_is_judged_though_nobody_can_be_told(tmp_path: Path) -> None:
    (tmp_path / "rules").write_text('(expect:error in "LogFileBody" = 0 "no errors" #/error/)\n')
    (tmp_path / "log").write_text("an error\n")
    done = subprocess.run(
        ["/bin/sh", "-c", f"{BIN}/logpro rules page.html < log >&-"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "no errors" in (tmp_path / "page.html").read_text()
