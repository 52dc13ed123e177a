"""CTest: a list of tests with DEPENDS, as CMake generates it."""

from __future__ import annotations

from bench.generate import Shape, Work
from bench.measure import Command
from bench.peers.peer import Peer, Tool, on_path


def _prepare(work: Work, tool: Tool) -> Command:
    suite = work.suite
    lines = [f'add_test({name} "/bin/sh" "{work.script(index)}")' for index, name in enumerate(suite.tests)]
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
    prepare=_prepare,
)
