"""The floors: loops that make the files that we make and start the scripts that we start.

The bare loop plans nothing, records nothing, judges nothing and survives nothing.  What it takes is
what the kernel and the shell take, so our own share is the rest.  The recording loop also knows
prerequisites and keeps a database; what is above that one is the price of everything else we do.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Final

from bench.generate import Shape, Work, independent
from bench.measure import Command
from bench.peers import megatest
from bench.peers.peer import Peer, Tool, Unavailable

_MODEL: Final = "model-of-all-tests"
_ROOT: Final = Path(__file__).parents[2]
_BARE_LOOP: Final = "bench.peers.bare_loop"
_RECORDING_LOOP: Final = "bench.peers.recording_loop"
_MADE_AT_ITS_START: Final = frozenset({"journal", "mt_launch.log"})


def _prepare(work: Work, tool: Tool, *, loop: str) -> Command:
    """Run one test with megatest and hand its files to the loop as a model."""
    suite = dataclasses.replace(independent(1), tests=(_MODEL,), seconds=work.suite.seconds)
    model = dataclasses.replace(work, suite=suite)
    megatest.write_area(model)
    argv = megatest.run_argv(model, tool)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MT_")}
    said = subprocess.run(argv, capture_output=True, text=True, check=False, env=clean)
    link = megatest.area(work) / "linktree" / megatest.TARGET / megatest.RUN / _MODEL
    if said.returncode != 0 or not link.exists():
        raise Unavailable(f"the model run failed: {said.stderr.strip()[-200:]}")
    work.tally.unlink(missing_ok=True)
    suite = work.suite
    about = {"model": _MODEL, "tests": suite.tests, "upstream": suite.upstream, "jobs": work.jobs}
    (work.directory / "task.json").write_text(json.dumps({**about, **_files_of(link)}))
    return Command(
        argv=(sys.executable, "-S", "-m", loop, "task.json"),
        directory=work.directory,
        environment={"PYTHONPATH": str(_ROOT)},
    )


def _files_of(link: Path) -> dict[str, object]:
    run_dir = link.resolve()
    inside = sorted(run_dir.rglob("*"))
    files = [
        (str(path.relative_to(run_dir)), path.read_text(), path.stat().st_mode & 0o777)
        for path in inside
        if path.is_file() and path.name not in _MADE_AT_ITS_START
    ]
    return {
        "run_dir": str(run_dir),
        "link": str(link),
        "directories": [str(path.relative_to(run_dir)) for path in inside if path.is_dir()],
        "files": files,
    }


PEER = Peer(
    name="bare loop",
    keeps="the files of megatest, no database",
    shapes=frozenset({Shape.INDEPENDENT}),
    most_tests=100_000,
    find=megatest.find,
    prepare=partial(_prepare, loop=_BARE_LOOP),
)

RECORDING: Final = dataclasses.replace(
    PEER,
    name="recording loop",
    keeps="the files of megatest, a database of one table",
    shapes=frozenset({Shape.INDEPENDENT, Shape.GRAPH}),
    prepare=partial(_prepare, loop=_RECORDING_LOOP),
)
