"""CTest: a list of tests with DEPENDS, as CMake generates it; plain, or filing as `make` does."""

from __future__ import annotations

import dataclasses
from functools import partial

from bench.generate import Shape, Work
from bench.measure import Command
from bench.peers.peer import Peer, Tool, on_path


def _prepare(work: Work, tool: Tool, *, filing: bool) -> Command:
    suite = work.suite
    lines = [
        f'add_test({name} "/bin/sh" "-c" "{work.filing_line(name)}")'
        if filing
        else f'add_test({name} "/bin/sh" "{work.script(index)}")'
        for index, name in enumerate(suite.tests)
    ]
    lines += [
        f'set_tests_properties({name} PROPERTIES DEPENDS "{";".join(suite.upstream_names(index))}")'
        for index, name in enumerate(suite.tests)
        if suite.upstream[index]
    ]
    (work.directory / "CTestTestfile.cmake").write_text("\n".join(lines) + "\n")
    return Command(argv=(str(tool.program), f"-j{work.jobs}"), directory=work.directory)


PEER = Peer(
    name="ctest",
    keeps="one log of all tests",
    shapes=frozenset({Shape.INDEPENDENT, Shape.GRAPH}),
    most_tests=10_000,
    find=on_path("ctest"),
    prepare=partial(_prepare, filing=False),
)

FILING = dataclasses.replace(
    PEER,
    name="ctest, filing",
    keeps="a directory and a log for each test, made by the command; one log of all tests",
    prepare=partial(_prepare, filing=True),
)
