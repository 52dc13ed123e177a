"""An area with its engine as one user, looked at by another, running tests as a third."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_area import BIN, DEADLINE_S, UNTIL_GO, LiveArea, give_up, live_area

NOBODY = "65534"
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


@pytest.fixture
def area(tmp_path: Path) -> Iterator[LiveArea]:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        give_up("only root can act as several users")
    if subprocess.run([*AS_NOBODY, str(BIN / "megatest"), "--version"], capture_output=True).returncode:
        give_up("another user cannot execute this Python")
    for directory in (tmp_path, *tmp_path.parents):
        if directory == Path(tempfile.gettempdir()):
            break
        directory.chmod(0o755)
    with live_area(tmp_path / "area") as area:
        yield area


def as_nobody(area: LiveArea, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*AS_NOBODY, *area.command(*words)],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        cwd="/",
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "USER": "nobody"},
    )


def test_another_user_sees_a_run_while_it_runs_and_afterwards(area: LiveArea) -> None:
    area.make({"t": (UNTIL_GO, "")})
    engine = area.start()
    area.wait_until_ready()
    looked = as_nobody(area, "list")
    assert looked.returncode == 0, looked.stderr
    assert "t " in looked.stdout
    area.go()
    assert area.end(engine)[0] == 0
    for words in (("list",), ("show", "t"), ("why", "t")):
        looked = as_nobody(area, *words)
        assert looked.returncode == 0, (words, looked.stderr)
    assert "PASS" in as_nobody(area, "list").stdout


def test_another_user_is_told_that_what_ended_without_an_engine_cannot_be_written(area: LiveArea) -> None:
    area.make({"t": (UNTIL_GO, "")})
    engine = area.start()
    area.wait_until_ready()
    area.kill_engine(engine)
    area.go()
    area.wait_for(lambda: not area.jobs(), "the test has ended")
    looked = as_nobody(area, "list")
    assert looked.returncode == 0, looked.stderr
    assert "cannot be written" in looked.stdout + looked.stderr
    assert "PASS" in area.listed()


def test_another_user_can_neither_run_nor_kill_nor_set_nor_remove(area: LiveArea) -> None:
    area.make({"t": (UNTIL_GO, "")})
    engine = area.start()
    area.wait_until_ready()
    for words in (
        ("run",),
        ("kill", "t"),
        ("set", "t", "--status", "FAIL", "--reason", "x"),
        ("rm", "t", "-y"),
    ):
        tried = as_nobody(area, *words)
        assert tried.returncode in (2, 3), (words, tried.stdout, tried.stderr)
        assert "Traceback" not in tried.stderr
    area.go()
    code, said = area.end(engine)
    assert code == 0, said
    assert area.starts() == ["t 1"]


def test_processes_of_a_test_that_became_another_user_are_ended_too(area: LiveArea) -> None:
    drop = " ".join(AS_NOBODY)
    area.make(
        {"t": (f"chmod 777 .\n{drop} sh -c 'trap \"\" TERM; touch ready; while :; do sleep 1; done'", "")}
    )
    engine = area.start()
    area.wait_until_ready()
    assert area.megatest("kill", "t").returncode == 0
    assert area.jobs() == []
    assert "KILLED" in area.end(engine)[1]
