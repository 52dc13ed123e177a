"""Ninja: a build edge for each test, whose output never comes to be; plain, or filing as `make` does."""

from __future__ import annotations

import dataclasses
from functools import partial

from bench.generate import Shape, Work
from bench.measure import Command
from bench.peers.peer import Peer, Tool, on_path


def _prepare(work: Work, tool: Tool, *, filing: bool) -> Command:
    suite = work.suite
    line = work.filing_line("$out") if filing else f"sh {work.directory}/scripts/$out.sh"
    edges = [
        f"build {name}: test {' '.join(suite.upstream_names(index))}"
        for index, name in enumerate(suite.tests)
    ]
    text = "\n".join([f"rule test\n command = {line}", *edges]) + "\n"
    (work.directory / "build.ninja").write_text(text)
    return Command(argv=(str(tool.program), f"-j{work.jobs}"), directory=work.directory)


PEER = Peer(
    name="ninja",
    keeps="a line in its log for each test",
    shapes=frozenset({Shape.INDEPENDENT, Shape.GRAPH}),
    most_tests=10_000,
    find=on_path("ninja"),
    prepare=partial(_prepare, filing=False),
)

FILING = dataclasses.replace(
    PEER,
    name="ninja, filing",
    keeps="a directory and a log for each test, made by the command",
    prepare=partial(_prepare, filing=True),
)
