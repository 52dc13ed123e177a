"""xargs: no runner at all, but the cheapest way to start many shells."""

from __future__ import annotations

from bench.generate import Shape, Work
from bench.measure import Command
from bench.peers.peer import Peer, Tool, on_path


def _prepare(work: Work, tool: Tool) -> Command:
    names = work.directory / "names"
    names.write_text("".join(f"{work.script(index)}\n" for index in range(len(work.suite.tests))))
    argv = (str(tool.program), f"-P{work.jobs}", "-n1", "sh")
    return Command(argv=argv, directory=work.directory, stdin=names)


PEER = Peer(
    name="xargs",
    keeps="nothing",
    shapes=frozenset({Shape.INDEPENDENT}),
    most_tests=100_000,
    find=on_path("xargs"),
    prepare=_prepare,
)
