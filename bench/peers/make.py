"""GNU make: a phony target for each test; plain, or with a directory and a log for each."""

from __future__ import annotations

import dataclasses
from functools import partial

from bench.generate import Shape, Work
from bench.measure import Command
from bench.peers.peer import Peer, Tool, on_path


def _prepare(work: Work, tool: Tool, *, filing: bool) -> Command:
    suite = work.suite
    rules = [f"all: {' '.join(suite.tests)}", f".PHONY: all {' '.join(suite.tests)}"]
    for index, name in enumerate(suite.tests):
        line = work.filing_line(name) if filing else f"sh {work.script(index)}"
        rules.append(f"{name}: {' '.join(suite.upstream_names(index))}\n\t@{line}")
    (work.directory / "Makefile").write_text("\n".join(rules) + "\n")
    # A make above us (`make bench-peers`) would hand its own job server down.
    inherited = {"MAKEFLAGS": None, "MFLAGS": None, "MAKELEVEL": None}
    argv = (str(tool.program), f"-j{work.jobs}", "all")
    return Command(argv=argv, directory=work.directory, environment=inherited)


PEER = Peer(
    name="make",
    keeps="nothing",
    shapes=frozenset({Shape.INDEPENDENT, Shape.GRAPH}),
    most_tests=10_000,
    find=on_path("make"),
    prepare=partial(_prepare, filing=False),
)

FILING = dataclasses.replace(
    PEER,
    name="make, filing",
    keeps="a directory and a log for each test, made by the recipe",
    prepare=partial(_prepare, filing=True),
)
