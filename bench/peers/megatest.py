"""Ourselves: an area with a test directory for each test."""

from __future__ import annotations

import compileall
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import megatest
from bench.generate import Shape, Work, write_script
from bench.measure import Command
from bench.peers.peer import Peer, Tool, Unavailable

TARGET: Final = "here"
RUN: Final = "bench"

_AREA = """\
[fields]
PLACE TEXT

[setup]
linktree #{{getenv MT_RUN_AREA_HOME}}/linktree
max_concurrent_jobs {jobs}

[disks]
disk0 #{{getenv MT_RUN_AREA_HOME}}/runs
"""


def find(cache: Path) -> Tool:
    """Return the program of the environment that runs this benchmark, its code compiled.

    Raises:
        Unavailable: megatest is not installed beside this Python, or does not start.
    """
    beside = Path(sys.executable).parent / "megatest"
    program = str(beside) if beside.exists() else shutil.which("megatest")
    if program is None:
        raise Unavailable("megatest is not installed beside this Python")
    if not compileall.compile_dir(Path(megatest.__file__).parent, quiet=2):
        raise Unavailable("its code does not compile")
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    if said.returncode != 0:
        raise Unavailable((said.stderr.strip() or "it does not start").splitlines()[-1])
    return Tool(program=Path(program), version=said.stdout.split()[-1])


def area(work: Work) -> Path:
    """Return the directory of the area that `write_area` makes for a work."""
    return work.directory / "area"


def write_area(work: Work) -> None:
    """Write an area: one test directory for each test, or one in all for items."""
    home = area(work)
    (home / "runs").mkdir(parents=True)
    (home / "megatest.config").write_text(_AREA.format(jobs=work.jobs))
    (home / "runconfigs.config").write_text("[default]\n")
    (home / "tests").mkdir()
    suite = work.suite
    if suite.shape is Shape.ITEMS:
        _write_test(work, 0, "all", f"[items]\nITEM {' '.join(suite.tests)}\n")
        return
    for index, name in enumerate(suite.tests):
        before = " ".join(suite.upstream_names(index))
        _write_test(work, index, name, f"[requirements]\nwaiton {before}\n" if before else "")


def _write_test(work: Work, index: int, name: str, more: str) -> None:
    directory = area(work) / "tests" / name
    directory.mkdir()
    (directory / "testconfig").write_text(f"[setup]\nrunscript run.sh\n\n{more}")
    write_script(directory / "run.sh", work.script_text(index))


def run_argv(work: Work, tool: Tool) -> Sequence[str]:
    """Return the command line that runs the whole area of a work."""
    place = ("--area", str(area(work)), "-t", TARGET, "-n", RUN)
    return (str(tool.program), "run", *place, "-j", str(work.jobs))


def clean_environment() -> dict[str, str | None]:
    """Return changes that take away what a megatest around us may have set."""
    return {name: None for name in os.environ if name.startswith("MT_")}


def _prepare(work: Work, tool: Tool) -> Command:
    write_area(work)
    return Command(
        argv=tuple(run_argv(work, tool)), directory=work.directory, environment=clean_environment()
    )


def _check(work: Work) -> str:
    database = area(work) / "megatest.db"
    if not database.exists():
        return "there is no megatest.db"
    query = "SELECT count(*) FROM tests WHERE state = 'COMPLETED' AND status = 'PASS' AND NOT is_parent"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        (passed,) = connection.execute(query).fetchone()
    expected = len(work.suite.tests)
    return "" if passed == expected else f"{passed} of {expected} tests are recorded as passed"


PEER = Peer(
    name="megatest",
    keeps="a work area with script, journal and log for each test, a database",
    shapes=frozenset(Shape),
    most_tests=100_000,
    find=find,
    prepare=_prepare,
    check=_check,
)
