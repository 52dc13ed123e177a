"""Errands: real shells, bounded in number and time."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from pathlib import Path

from megatest.app.errand import CANNOT_START, TIME_IS_OVER, Errand, Errands
from megatest.executors import process
from megatest.executors.process import Marks

DEADLINE_S = 30


class Desk:
    """Errands, and what became of them."""

    def __init__(self, directory: Path, *, at_once: int = 2) -> None:
        self.directory = directory
        self.errands = Errands(at_once=at_once)
        self.codes: dict[str, int] = {}

    def run(self, name: str, command: str, limit_s: float | None = 20, directory: str = "") -> None:
        self.errands.run(
            Errand(
                command=command,
                directory=directory or str(self.directory),
                environment={"PATH": "/usr/bin:/bin", "WORD": "hello"},
                log=str(self.directory / f"{name}.log"),
                limit_s=limit_s,
                done=lambda code: self.codes.__setitem__(name, code),
            )
        )

    def poll_until(self, condition: Callable[[], bool]) -> None:
        """Poll as an engine does: when a descriptor is readable."""
        until = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < until
            select.select(list(self.errands.fds()), [], [], 0.1)
            self.errands.poll()


def test_output_and_exit_status_are_kept(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.run("one", 'echo "$WORD $PWD"; echo oops >&2; exit 3')
    desk.poll_until(lambda: bool(desk.codes))
    assert desk.codes == {"one": 3}
    assert (tmp_path / "one.log").read_text() == f"hello {tmp_path}\noops\n"
    assert desk.errands.fds() == []


def test_no_more_run_at_once_than_may_and_the_rest_follows_in_order(tmp_path: Path) -> None:
    desk = Desk(tmp_path, at_once=1)
    for name in "abc":
        desk.run(name, f"[ ! -e busy ] || exit 9; touch busy; echo {name} >> order; rm busy")
    assert len(desk.errands.fds()) == 1
    desk.poll_until(lambda: len(desk.codes) == 3)
    assert set(desk.codes.values()) == {0}
    assert (tmp_path / "order").read_text() == "a\nb\nc\n"


def test_what_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.run("slow", "sleep 600 & echo $! > child; wait", limit_s=0.5)
    desk.poll_until(lambda: bool(desk.codes))
    assert desk.codes == {"slow": TIME_IS_OVER}
    child = (tmp_path / "child").read_text().strip()
    desk.poll_until(lambda: _is_gone(child))


def test_what_works_in_a_run_directory_is_not_what_the_test_there_left_behind(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    os.mkfifo(tmp_path / "gate")
    desk.run("trigger", "(exec <gate; exit 0) & echo began; wait; exit 4")
    deadline = time.monotonic() + DEADLINE_S
    while "began" not in (tmp_path / "trigger.log").read_text():
        assert time.monotonic() < deadline
    assert process.find([Marks(job="t", run_dir=str(tmp_path))]) == {}
    (tmp_path / "gate").write_text("")
    desk.poll_until(lambda: bool(desk.codes))
    assert desk.codes == {"trigger": 4}


def _is_gone(pid: str) -> bool:
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_what_cannot_be_started_is_told_like_an_end(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.run("lost", "true", directory=str(tmp_path / "none"))
    assert desk.codes == {"lost": CANNOT_START}


def test_waiting_is_for_what_has_not_begun_and_for_what_has_a_limit(tmp_path: Path) -> None:
    desk = Desk(tmp_path, at_once=1)
    for name in "ab":
        desk.run(name, "true")
    assert desk.errands.wait(DEADLINE_S) == 0
    assert desk.codes == {"a": 0, "b": 0}
    desk.run("endless", "touch began; exec sleep 30", limit_s=None)
    desk.run("never", "true")
    assert desk.errands.wait(0.2) == 1
    desk.errands.close()
    assert "never" not in desk.codes
