"""GNU make: a phony target for each test."""

from __future__ import annotations

from bench.generate import Shape, Work
from bench.measure import Command
from bench.peers.peer import Peer, Tool, on_path


def _prepare(work: Work, tool: Tool) -> Command:
    suite = work.suite
    rules = [f"all: {' '.join(suite.tests)}", f".PHONY: all {' '.join(suite.tests)}"]
    rules += [
        f"{name}: {' '.join(suite.upstream_names(index))}\n\t@sh {work.script(index)}"
        for index, name in enumerate(suite.tests)
    ]
    (work.directory / "Makefile").write_text("\n".join(rules) + "\n")
    # A make above us (`make bench-peers`) would hand its own job server down.
    inherited = {"MAKEFLAGS": None, "MFLAGS": None, "MAKELEVEL": None}
    argv = (str(tool.program), f"-j{work.jobs}", "all")
    return Command(argv=argv, directory=work.directory, environment=inherited)


PEER = Peer(
    name="make",
    keeps="nothing",
    shapes=frozenset({Shape.INDEPENDENT, Shape.GRAPH}),
    most_tests=100_000,
    find=on_path("make"),
    prepare=_prepare,
)
