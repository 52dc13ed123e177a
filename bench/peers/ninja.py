"""Ninja: a build edge for each test, whose output never comes to be."""

from __future__ import annotations

from bench.generate import Shape, Work
from bench.measure import Command
from bench.peers.peer import Peer, Tool, on_path


def _prepare(work: Work, tool: Tool) -> Command:
    suite = work.suite
    edges = [
        f"build {name}: test {' '.join(suite.upstream_names(index))}\n script = {work.script(index)}"
        for index, name in enumerate(suite.tests)
    ]
    text = "\n".join(["rule test\n command = sh $script", *edges]) + "\n"
    (work.directory / "build.ninja").write_text(text)
    return Command(argv=(str(tool.program), f"-j{work.jobs}"), directory=work.directory)


PEER = Peer(
    name="ninja",
    keeps="one time stamp for each test",
    shapes=frozenset({Shape.INDEPENDENT, Shape.GRAPH}),
    most_tests=100_000,
    find=on_path("ninja"),
    prepare=_prepare,
)
